/* The inference widget of a model page: task, examples, form, compute, outcome.
 *
 * One request at a time: Compute sends what the form holds, Cancel aborts it (the server then drops
 * the work), and whatever comes back replaces the last outcome. */

import { request } from "./api.js";
import { announce, el } from "./dom.js";
import { errorBox } from "./errors.js";
import { control } from "./form.js";
import { readCosts, showReply } from "./outcome.js";
import { exampleValues, taskBody, taskPath } from "./request.js";
import { resultSummary } from "./results.js";
import { StatePill } from "./state.js";
import { widgets } from "./widgets/list.js";

/* The tasks this model can do and this server knows, its own first. */
export function tasksOf(model, tasks) {
    const own = model.pipeline_tag;
    return [own, ...(widgets[own]?.alternatives ?? [])].filter((task) => tasks[task]);
}

/* [{title, inputs, parameters}] from the card, else the task's own example. */
function examplesOf(model, task, { spec, example }) {
    const entries =
        Array.isArray(model.widgetData) && task === model.pipeline_tag ? model.widgetData : [];
    const found = entries
        .map((entry, i) => {
            const values = exampleValues(entry, spec.inputs);
            return values && { title: entry.example_title ?? "Example " + (i + 1), ...values };
        })
        .filter(Boolean);
    if (found.length > 0) return found;
    const { inputs, parameters = {} } = example;
    return [{ title: "Example", inputs, parameters }];
}

export class Widget {
    #model;
    #tasks;
    #task;
    #inputs;
    #parameters;
    #abort = null;
    #pill;
    #outcome = el("div", { class: "outcome", id: "outcome" });
    #formPlace = el("div", {});
    #examplePlace = el("div", { class: "example-menu" });
    #compute = el("button", { class: "button primary", id: "compute" }, "Compute");
    #cancel = el(
        "button",
        { type: "button", class: "button", id: "cancel", hidden: true },
        "Cancel",
    );

    /* actions: nodes beside the heading (the Deploy button). */
    constructor(model, tasks, actions) {
        this.#model = model;
        this.#tasks = tasks;
        this.#pill = new StatePill(model.id);
        const names = tasksOf(model, tasks);
        const form = el(
            "form",
            { class: "widget-form", on: { submit: (event) => this.#submit(event) } },
            this.#formPlace,
            el(
                "div",
                { class: "actions" },
                this.#compute,
                this.#cancel,
                el("span", { class: "hint" }, el("kbd", {}, "Ctrl"), " + ", el("kbd", {}, "Enter")),
            ),
        );
        form.addEventListener("keydown", (event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#submit(event);
        });
        this.#cancel.addEventListener("click", () => this.#abort?.abort());
        this.node = el(
            "section",
            { class: "widget panel", "aria-labelledby": "widget-title" },
            el(
                "div",
                { class: "widget-head" },
                el("h2", { id: "widget-title" }, "Try this model"),
                actions,
            ),
            this.#taskSwitch(names),
            el("div", { class: "widget-bar" }, this.#pill.node, this.#examplePlace),
            form,
            this.#outcome,
        );
        this.#setTask(names[0]);
    }

    /* What the form holds now: {task, inputs, parameters}. Throws if a JSON field is not JSON. */
    values() {
        return { task: this.#task, inputs: this.#inputs.get(), parameters: this.#parameters.get() };
    }

    #taskSwitch(names) {
        if (names.length < 2) return null;
        const options = names.map((task, i) =>
            el(
                "label",
                {},
                el("input", {
                    type: "radio",
                    name: "task",
                    value: task,
                    checked: i === 0,
                    on: { change: () => this.#setTask(task) },
                }),
                el("span", {}, this.#tasks[task].label),
            ),
        );
        return el(
            "fieldset",
            { class: "segmented" },
            el("legend", { class: "visually-hidden" }, "Task"),
            options,
        );
    }

    #setTask(task) {
        this.#abort?.abort();
        this.#task = task;
        const { spec } = this.#tasks[task];
        const labels = widgets[task]?.labels ?? {};
        const label = labels.inputs?.label ?? "Input";
        this.#inputs = control(spec.inputs, {
            label,
            singular: labels.inputs?.singular,
            hint: spec.inputs.description,
            labels,
        });
        this.#parameters = control(spec.parameters ?? { type: "object" }, {
            label: "Parameters",
            labels,
            compact: true,
        });
        const extra =
            this.#parameters.size > 0
                ? el(
                      "details",
                      { class: "parameters" },
                      el("summary", {}, "Parameters"),
                      this.#parameters.node,
                  )
                : "";
        this.#formPlace.replaceChildren(this.#inputs.node, extra);
        this.#outcome.replaceChildren();
        this.#offerExamples(examplesOf(this.#model, task, this.#tasks[task]));
    }

    #offerExamples(examples) {
        const use = ({ inputs, parameters }) => {
            this.#inputs.set(inputs);
            this.#parameters.set(parameters);
        };
        use(examples[0]);
        const select = el(
            "select",
            { id: "examples", "aria-label": "Examples" },
            examples.map((example, i) => el("option", { value: i }, example.title)),
        );
        select.addEventListener("change", () => use(examples[Number(select.value)]));
        const clear = el("button", { type: "button", class: "button quiet small" }, "Clear");
        clear.addEventListener("click", () => {
            use({ inputs: undefined, parameters: {} });
            this.#inputs.focus();
        });
        const reset = el("button", { type: "button", class: "button quiet small" }, "Example");
        reset.addEventListener("click", () => use(examples[Number(select.value)]));
        this.#examplePlace.replaceChildren(...(examples.length > 1 ? [select] : []), reset, clear);
    }

    #submit(event) {
        event.preventDefault();
        if (!this.#abort) this.#run();
    }

    #setBusy(busy) {
        this.#compute.disabled = busy;
        this.#compute.classList.toggle("busy", busy);
        this.#cancel.hidden = !busy;
        this.#outcome.setAttribute("aria-busy", String(busy));
        this.#pill.setBusy(busy);
    }

    async #run() {
        const abort = new AbortController();
        const refocus = document.activeElement === this.#compute;
        this.#abort = abort;
        this.#setBusy(true);
        try {
            const values = this.values();
            const reply = await this.#send(values, abort.signal);
            showReply(this.#outcome, { ...values, ...reply });
            announce(resultSummary(values.task, reply.output, values.inputs));
        } catch (error) {
            if (error.name === "AbortError") announce("Cancelled");
            else this.#outcome.replaceChildren(errorBox(error, () => this.#run()));
        } finally {
            this.#abort = null;
            this.#setBusy(false);
            if (refocus && document.activeElement === document.body) this.#compute.focus();
        }
    }

    async #send({ task, inputs, parameters }, signal) {
        const body = taskBody(inputs, parameters, widgets[task]?.rootParameters);
        const started = performance.now();
        const response = await request(taskPath(this.#model, task), {
            method: "POST",
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify(body),
            signal,
        });
        const text = await response.text();
        const costs = readCosts(response.headers, performance.now() - started);
        return { output: JSON.parse(text), costs };
    }
}
