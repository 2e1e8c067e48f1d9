// The page's script: all elements, those that use others last.

import { HealthBadge } from "./health-badge.js";
import { AccountMenu } from "./account-menu.js";
import { SignInForm } from "./sign-in-form.js";
import { BeginPanel } from "./begin-panel.js";
import { CategoryTree } from "./category-tree.js";
import { CategoryFilter } from "./category-filter.js";
import { FacetGroup } from "./facet-group.js";
import { FilterChips } from "./filter-chips.js";
import { PriceFilter } from "./price-filter.js";
import { ItemFilters } from "./item-filters.js";
import { DeveloperPanel } from "./developer-panel.js";
import { ItemPager } from "./pager.js";
import { ItemSearch } from "./item-search.js";
import { ItemTable } from "./item-table.js";
import { LiveStatus } from "./live-status.js";
import { ItemsView } from "./items-view.js";
import { CatalogPage } from "./catalog-page.js";
