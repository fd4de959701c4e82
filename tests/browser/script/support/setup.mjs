// Runs once before all tests.

import { notAcrossMidnight } from "../../wait.mjs";

export default () => notAcrossMidnight(30);
