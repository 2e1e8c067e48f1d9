// What the first view does without: all elements, those that use others last.

import { CategoryTree } from "./category-tree.js";
import { CategoryFilter } from "./category-filter.js";
import { FacetGroup } from "./facet-group.js";
import { FilterChips } from "./filter-chips.js";
import { PriceFilter } from "./price-filter.js";
import { ItemFilters } from "./item-filters.js";
import { CategoriesView } from "./categories-view.js";
import { AttributeRows } from "./attribute-rows.js";
import { ItemEditor } from "./item-editor.js";
import { PriceHistory } from "./price-history.js";
import { ItemHistory } from "./item-history.js";
import { ItemDrawer } from "./item-drawer.js";
import { ExportMenu } from "./export-menu.js";
import { ImportColumns } from "./import-columns.js";
import { ImportReading } from "./import-reading.js";
import { ImportOptions } from "./import-options.js";
import { ImportProgress } from "./import-progress.js";
import { ImportReview } from "./import-review.js";
import { ImportView } from "./import-view.js";
import { ItemForm } from "./item-form.js";
import { SelectionBar } from "./selection-bar.js";
import { AuditView } from "./audit-view.js";
import { KeysView } from "./keys-view.js";
import { SessionsView } from "./sessions-view.js";
import { UsersView } from "./users-view.js";
import { InlineEditing } from "./inline-editing.js";
import { openPasswordDialog } from "./password-dialog.js";

window.addEventListener("password-change-wanted", openPasswordDialog);
