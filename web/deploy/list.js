/* The languages of "Deploy -> Inference API", in the order of the tabs.
 *
 * A row: {id, label, language (for colours), applies(call), code(call)}. A call is what the widget
 * would send: {origin, path, model, task, inputs, parameters, body, withToken, row}, where `row` is
 * the task's row of widgets/list.js ({} if it has none). Code has to run as it is shown. */

import { curl } from "./curl.js";
import { fetchCode } from "./fetch.js";
import { javascript } from "./javascript.js";
import { openai } from "./openai.js";
import { python } from "./python.js";
import { requests } from "./requests.js";

export const languages = [curl, python, requests, javascript, fetchCode, openai];
