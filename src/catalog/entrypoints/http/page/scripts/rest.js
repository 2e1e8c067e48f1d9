// What the first view does without: all elements, those that use others last.

import { AttributeRows } from "./attribute-rows.js";
import { ItemEditor } from "./item-editor.js";
import { PriceHistory } from "./price-history.js";
import { ItemHistory } from "./item-history.js";
import { ItemDrawer } from "./item-drawer.js";
