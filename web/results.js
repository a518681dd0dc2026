/* A reply as something to look at, from its shape alone: for tasks whose row has no result(). */

import { bars } from "./bars.js";
import { vectorsView } from "./vectors.js";
import { widgets } from "./widgets/list.js";

const isRated = (item) => typeof item?.score === "number";

/* Labels of rated things, by the keys the tasks use for them. */
function labelOf(item) {
    return String(item.label ?? item.token_str ?? item.word ?? "");
}

/* A node for the reply, or null when only its JSON can be shown (base64, or a shape nobody
 * foresaw). */
export function resultView(task, output, inputs, model) {
    const special = widgets[task]?.result?.(output, inputs, model);
    if (special) return special;
    const list =
        Array.isArray(output) && Array.isArray(output[0]) && isRated(output[0][0])
            ? output[0]
            : output;
    if (Array.isArray(list) && list.length > 0 && list.every(isRated))
        return bars(
            list.map((item) => ({ label: labelOf(item), score: item.score })),
            {},
        );
    if (Array.isArray(output) && typeof output.flat(Infinity)[0] === "number")
        return vectorsView(output);
    return null;
}

/* The reply in one sentence, for screen readers. */
export function resultSummary(task, output, inputs, model) {
    return widgets[task]?.summary?.(output, inputs, model) ?? "Result shown";
}
