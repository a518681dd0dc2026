/* What is special about a task, one row each. A task without a row has a widget too: its form comes
 * from the schema of its inputs and parameters, its result from the shape of the reply.
 *
 * A row may have:
 *   alternatives      other tasks which every model of this one can do
 *   fields            {property of the inputs or parameters: {
 *                        label, singular   where the key's own words would not do
 *                        hidden            another name of a property that is shown
 *                        rare              an input that few models read: folded, not sent empty
 *                        types             the values of model_type whose models read it: others
 *                                          have no control for it
 *                        prominent         a parameter that stands beside the inputs
 *                        many              a list, where one text is possible too
 *                        aliases           its other names in the examples of cards }}
 *   tools(model, inputs)     a node below the inputs; inputs: their control (form.js)
 *   adaptExample({inputs, parameters}, model)   the same, made to fit the model; null: it does not
 *   rootParameters    parameters stand beside `inputs`, not below `parameters`
 *   python            {arguments: [inputs in the order of the Python client's method],
 *                      parameters: [those it takes; all when not given],
 *                      packages: [what it needs besides the client]}
 *   clientless        the hub's clients have no method for the task
 *   openai            {method, inputs, parameters} of the OpenAI SDK which does the same
 *   result(output, inputs, model)   a node that shows the reply; null: its JSON says it all
 *   summary(output, inputs, model)  the reply in one sentence, for screen readers */

import featureExtraction from "./feature-extraction.js";
import fillMask from "./fill-mask.js";
import questionAnswering from "./question-answering.js";
import sentenceSimilarity from "./sentence-similarity.js";
import tableQuestionAnswering from "./table-question-answering.js";
import textClassification from "./text-classification.js";
import textRanking from "./text-ranking.js";
import tokenClassification from "./token-classification.js";
import zeroShotClassification from "./zero-shot-classification.js";

export const widgets = {
    "feature-extraction": featureExtraction,
    "fill-mask": fillMask,
    "question-answering": questionAnswering,
    "sentence-similarity": sentenceSimilarity,
    "table-question-answering": tableQuestionAnswering,
    "text-classification": textClassification,
    "text-ranking": textRanking,
    "token-classification": tokenClassification,
    "zero-shot-classification": zeroShotClassification,
};
