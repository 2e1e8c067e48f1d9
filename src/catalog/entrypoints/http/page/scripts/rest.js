// What the first view does without: all elements, those that use others last.

import { ImportColumns } from "./import-columns.js";
import { ImportOptions } from "./import-options.js";
import { ImportProgress } from "./import-progress.js";
import { ImportReading } from "./import-reading.js";
import { ImportReview } from "./import-review.js";
import { ImportView } from "./import-view.js";
