// What the first view does without: all elements, those that use others last.

import { CategoriesView } from "./categories-view.js";
