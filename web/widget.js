/* The inference widget of a model page: task, examples, form, compute, outcome.
 *
 * One request at a time: Compute sends what the form holds, Cancel aborts it (the server then drops
 * the work), and whatever comes back replaces the last outcome. */

import { request } from "./api.js";
import { announce, el } from "./dom.js";
import { errorBox } from "./errors.js";
import { examplesOf } from "./examples.js";
import { control, folded } from "./form.js";
import { toJson } from "./json.js";
import { readCosts, showReply } from "./outcome.js";
import { taskBody, taskPath } from "./request.js";
import { resultSummary } from "./results.js";
import { StatePill } from "./state.js";
import { widgets } from "./widgets/list.js";

/* The tasks this model can do and this server knows, its own first. */
export function tasksOf(model, tasks) {
    const own = model.pipeline_tag;
    return [own, ...(widgets[own]?.alternatives ?? [])].filter((task) => tasks[task]);
}

/* What a row says of its fields, where those that this model does not read are hidden. */
function fieldsOf(row, model) {
    const type = model.config?.model_type;
    const read = ([name, field]) => [
        name,
        field.types && !field.types.includes(type) ? { ...field, hidden: true } : field,
    ];
    return Object.fromEntries(Object.entries(row.fields ?? {}).map(read));
}

/* The schema of some parameters only. */
function parametersWhere(schema, wanted) {
    const kept = Object.entries(schema?.properties ?? {}).filter(([name]) => wanted(name));
    return { type: "object", properties: Object.fromEntries(kept) };
}

export class Widget {
    #model;
    #tasks;
    #task;
    #inputs;
    #prominent; // parameters that stand beside the inputs
    #parameters; // and the others
    #abort = null;
    #pill;
    #outcome = el("div", { class: "outcome", id: "outcome" });
    #formPlace = el("div", { class: "fields" });
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
        const parameters = { ...this.#prominent.get(), ...this.#parameters.get() };
        return { task: this.#task, inputs: this.#inputs.get(), parameters };
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
        const row = widgets[task] ?? {};
        const fields = fieldsOf(row, this.#model);
        const isProminent = (name) => Boolean(fields[name]?.prominent);
        const of = (wanted) => parametersWhere(spec.parameters, wanted);
        const compact = true;
        this.#inputs = control(spec.inputs, {
            label: "Input",
            ...fields.inputs,
            hint: fields.inputs ? null : spec.inputs.description,
            fields,
        });
        this.#prominent = control(of(isProminent), { fields, compact, prominent: true });
        this.#parameters = control(
            of((name) => !isProminent(name)),
            { fields, compact },
        );
        this.#formPlace.replaceChildren(
            this.#inputs.node,
            row.tools?.(this.#model, this.#inputs) ?? "",
            this.#prominent.size > 0 ? this.#prominent.node : "",
            this.#parameters.size > 0 ? folded("Parameters", this.#parameters.node) : "",
        );
        this.#outcome.replaceChildren();
        this.#offerExamples(examplesOf(this.#model, this.#tasks[task], row));
    }

    #offerExamples(examples) {
        const use = ({ inputs, parameters }) => {
            this.#inputs.set(inputs);
            this.#prominent.set(parameters);
            this.#parameters.set(parameters);
        };
        if (examples.length > 0) use(examples[0]);
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
        this.#examplePlace.replaceChildren(
            examples.length > 1 ? select : "",
            examples.length > 0 ? reset : "",
            clear,
        );
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
            const model = this.#model;
            showReply(this.#outcome, { model, ...values, ...reply });
            announce(resultSummary(values.task, reply.output, values.inputs, model));
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
            body: toJson(body),
            signal,
        });
        const text = await response.text();
        const costs = readCosts(response.headers, performance.now() - started);
        return { output: JSON.parse(text), costs };
    }
}
