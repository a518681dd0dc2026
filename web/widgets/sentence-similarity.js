/* sentence-similarity: one score for each sentence, in the order they were given. */

import { bars } from "../bars.js";

export default {
    alternatives: ["feature-extraction"],
    fields: {
        source_sentence: { label: "Source sentence" },
        sentences: { label: "Sentences to compare to", singular: "sentence" },
    },
    python: { parameters: [] },

    result(scores, inputs) {
        const items = scores.map((score, i) => ({ label: inputs.sentences[i], score }));
        return bars(items, { sortable: true });
    },

    summary(scores, inputs) {
        const best = scores.indexOf(Math.max(...scores));
        return "Most similar: " + inputs.sentences[best] + ", " + scores[best].toFixed(3);
    },
};
