/* What is special about a task, one row each. A task without a row has a widget too: its form comes
 * from the schema of its inputs and parameters, its result from the shape of the reply.
 *
 * A row may have:
 *   alternatives      other tasks which every model of this one can do
 *   labels            {property: {label, singular}} where the key's own words would not do
 *   rootParameters    parameters stand beside `inputs`, not below `parameters`
 *   pythonParameters  false: the Python client's method takes no parameters
 *   pythonPackages    what the Python method needs besides the client
 *   openai            {method, inputs, parameters} of the OpenAI SDK which does the same
 *   result(output, inputs)   a node that shows the reply; null: its JSON says it all
 *   summary(output, inputs)  the reply in one sentence, for screen readers */

import featureExtraction from "./feature-extraction.js";
import sentenceSimilarity from "./sentence-similarity.js";

export const widgets = {
    "feature-extraction": featureExtraction,
    "sentence-similarity": sentenceSimilarity,
};
