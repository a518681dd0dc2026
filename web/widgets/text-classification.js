/* text-classification: the classes of a text, best first. */

import { bars } from "../bars.js";
import { score } from "../format.js";
import { placeFields } from "./places.js";

export default {
    fields: { inputs: { label: "Text" }, ...placeFields },
    python: { parameters: ["top_k", "function_to_apply"] },

    /* nested, one list for each text: the form has one */
    result: ([classes]) => bars(classes, { title: "Classes" }),
    summary: ([[best]]) => best.label + ", " + score(best.score),
};
