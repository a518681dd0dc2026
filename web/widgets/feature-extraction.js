/* feature-extraction: the text as a vector (or one vector for each token). */

import { shapeOf, vectorsView } from "../vectors.js";

export default {
    labels: { inputs: { label: "Text" } },
    rootParameters: true,
    pythonPackages: ["numpy"],
    openai: { method: "embeddings.create", inputs: "input", parameters: ["dimensions"] },

    result: (output) => vectorsView(output),
    summary: (output) => "Vector of shape " + shapeOf(output).join(" by "),
};
