/* zero-shot-classification: how well each of the given labels fits the text, best first. */

import { bars } from "../bars.js";
import { score } from "../format.js";

export default {
    alternatives: ["text-classification"],
    fields: {
        inputs: { label: "Text" },
        candidate_labels: { label: "Candidate labels", singular: "label", prominent: true },
        multi_label: {
            label: "Several labels may be true",
            prominent: true,
            aliases: ["multi_class"],
        },
    },
    python: { parameters: ["candidate_labels", "multi_label", "hypothesis_template"] },

    result: (classes) => bars(classes, { title: "Labels" }),
    summary: ([best]) => best.label + ", " + score(best.score),
};
