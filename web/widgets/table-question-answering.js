/* table-question-answering: what the cells of a table answer. */

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

    summary(output) {
        return [output]
            .flat(2)
            .map(({ answer }) => answer || "No answer in this table")
            .join("; ");
    },
};
