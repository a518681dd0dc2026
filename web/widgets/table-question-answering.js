/* table-question-answering: what the cells of a table answer, and where they are. */

import { markedTable } from "../cells.js";
import { el } from "../dom.js";

const NO_ANSWER = "No answer in this table";

/* One question is answered by an object, several by a list. */
const answersOf = (output) => [output].flat(2);

function answerLine({ answer, cells, aggregator }) {
    const found = cells.join(", ");
    return el(
        "p",
        { class: "table-answer" },
        answer === found || !found ? null : el("span", { class: "chip" }, aggregator),
        el("strong", {}, found || NO_ANSWER),
    );
}

export default {
    fields: {
        query: { label: "Question", aliases: ["text", "question"] },
        table: { label: "Table" },
        question: { hidden: true },
    },
    python: {
        arguments: ["table", "query"],
        parameters: ["padding", "sequential", "truncation"],
    },

    result(output, { table }) {
        const answers = answersOf(output);
        const places = answers.flatMap((answer) => answer.coordinates);
        return el(
            "div",
            { class: "result" },
            answers.map(answerLine),
            markedTable(table, places, "Answer in its table"),
        );
    },

    summary: (output) =>
        answersOf(output)
            .map(({ answer }) => answer || NO_ANSWER)
            .join("; "),
};
