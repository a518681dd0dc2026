/* question-answering: the answer, and where the context has it. */

import { bars } from "../bars.js";
import { el } from "../dom.js";
import { score } from "../format.js";
import { spanNodes } from "../spans.js";
import { placeFields } from "./places.js";

const NO_ANSWER = "No answer in this context";

/* One answer is an object, several (top_k) are a list. */
const answersOf = (output) => [output].flat();
const textOf = (answer) => answer.answer || NO_ANSWER;

export default {
    fields: {
        question: { label: "Question", aliases: ["text"] },
        context: { label: "Context" },
        boxes: { ...placeFields.boxes, rare: true },
        xpaths: { ...placeFields.xpaths, rare: true },
    },
    python: {
        arguments: ["question", "context"],
        parameters: [
            ...["align_to_words", "doc_stride", "handle_impossible_answer", "max_answer_len"],
            ...["max_question_len", "max_seq_len", "top_k"],
        ],
    },

    result(output, { context }) {
        const answers = answersOf(output);
        if (answers.length === 0) return el("p", { class: "hint" }, NO_ANSWER + ".");
        const shown = el("div", {
            class: "marked-text",
            tabindex: 0,
            role: "region",
            "aria-label": "Answer in its context",
        });
        function show(answer) {
            shown.replaceChildren(...spanNodes(context, [answer], (part) => el("mark", {}, part)));
            const mark = shown.querySelector("mark");
            if (mark) shown.scrollTop = mark.offsetTop - shown.offsetTop - 60;
        }
        const items = answers.map((answer) => ({ ...answer, label: textOf(answer) }));
        const list = bars(items, { title: "Answers", choose: answers.length > 1 ? show : null });
        show(answers[0]);
        requestAnimationFrame(() => show(answers[0])); // once it has a height to scroll in
        return el("div", { class: "result" }, list, shown);
    },

    summary(output) {
        const [best] = answersOf(output);
        return best ? textOf(best) + ", " + score(best.score) : NO_ANSWER;
    },
};
