// What the first view does without: all elements, those that use others last.

import { AuditView } from "./audit-view.js";
import { KeysView } from "./keys-view.js";
import { openPasswordDialog } from "./password-dialog.js";
import { SessionsView } from "./sessions-view.js";
import { UsersView } from "./users-view.js";

window.addEventListener("password-change-wanted", openPasswordDialog);
