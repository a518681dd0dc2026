/* feature-extraction: the text as a vector (or one vector for each token). */

import { shapeOf, vectorsView } from "../vectors.js";

export default {
    fields: { inputs: { label: "Text" } },
    rootParameters: true,
    python: { packages: ["numpy"] },
    openai: { method: "embeddings.create", inputs: "input", parameters: ["dimensions"] },

    /* base64, where that was asked for, has only its JSON */
    result: (output) =>
        typeof [output].flat(Infinity)[0] === "number" ? vectorsView(output) : null,
    summary: (output) => "Vector of shape " + shapeOf(output).join(" by "),
};
