/* The models of this machine. All are read once; search, filters and order work on the list in the
 * page, and live in its address. */

import { getJson, listModels, idPath } from "./api.js";
import { el } from "./dom.js";
import { errorBox } from "./errors.js";
import { ago, bytes, count, plural, taskLabel } from "./format.js";
import { startHeader } from "./header.js";
import { describeState, readStatus } from "./state.js";

const STATE_REFRESH_MS = 15000;
const AT_ONCE = 4; // status requests

const place = (name) => document.getElementById(name);
const byText = (get) => (a, b) => get(a).localeCompare(get(b));
const descending = (get) => (a, b) => (get(b) > get(a)) - (get(b) < get(a));
const parameters = (model) => model.safetensors?.total ?? 0;

const ORDERS = {
    lastModified: {
        label: "Last modified",
        compare: descending((model) => model.lastModified ?? ""),
    },
    name: { label: "Name", compare: byText((model) => model.id.split("/").at(-1)) },
    small: { label: "Smallest first", compare: (a, b) => parameters(a) - parameters(b) },
    large: { label: "Largest first", compare: (a, b) => parameters(b) - parameters(a) },
};

/* The query of the address: what the controls show and what chips of model pages link to. */
const CONTROLS = { search: "search", pipeline_tag: "task", library: "library", sort: "sort" };
const EXTRA = ["author", "filter"]; // set by links only, shown as chips that can be removed

let models = [];
let tasks = {};
const query = new URLSearchParams(location.search);

function matches(model) {
    const tags = model.tags ?? [];
    const text = [model.id, model.pipeline_tag ?? "", model.library_name ?? "", ...tags]
        .join(" ")
        .toLowerCase();
    const words = (query.get("search") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    return (
        words.every((word) => text.includes(word)) &&
        (!query.get("pipeline_tag") || model.pipeline_tag === query.get("pipeline_tag")) &&
        (!query.get("library") || model.library_name === query.get("library")) &&
        (!query.get("author") || model.id.startsWith(query.get("author") + "/")) &&
        query.getAll("filter").every((tag) => tags.includes(tag))
    );
}

function modelCard(model) {
    const [name, owner] = model.id.split("/").reverse();
    const size = [
        parameters(model) ? count(parameters(model)) + " parameters" : null,
        model.usedStorage ? bytes(model.usedStorage) : null,
        model.lastModified ? "updated " + ago(model.lastModified) : null,
    ].filter(Boolean);
    const dot = el("span", { class: "dot" });
    const state = el("span", { class: "visually-hidden" });
    return el(
        "li",
        {},
        el(
            "a",
            { class: "model-card", href: "/" + idPath(model.id), data: { id: model.id } },
            el(
                "span",
                { class: "model-card-name" },
                owner ? el("span", { class: "owner" }, owner + "/") : null,
                el("strong", {}, name),
            ),
            el("span", { class: "model-card-state" }, dot, state),
            el(
                "span",
                { class: "model-card-tags" },
                model.pipeline_tag
                    ? el("span", { class: "chip task" }, taskLabel(model.pipeline_tag, tasks))
                    : null,
                model.library_name
                    ? el("span", { class: "chip library" }, model.library_name)
                    : null,
            ),
            el("span", { class: "hint model-card-facts" }, size.join(" · ")),
        ),
    );
}

function emptyState(none) {
    if (!none)
        return el(
            "p",
            { class: "empty" },
            "No model matches. ",
            el("a", { href: "/" }, "Show all models"),
            ".",
        );
    return el(
        "div",
        { class: "empty panel" },
        el("h2", {}, "No models on this machine yet"),
        el("p", {}, "Fetch one from a hub, or add a folder that you have:"),
        el(
            "pre",
            { tabindex: 0, "aria-label": "Commands" },
            el(
                "code",
                {},
                "inferd pull sentence-transformers/all-MiniLM-L6-v2\n" +
                    "inferd add ./my-model me/my-model",
            ),
        ),
        el("p", { class: "hint" }, "A running server sees new models at once: reload this page."),
    );
}

function extraChips() {
    const chips = EXTRA.flatMap((key) =>
        query.getAll(key).map((value) => {
            const chip = el(
                "button",
                { type: "button", class: "chip remove", "aria-label": "Remove filter " + value },
                value + " ×",
            );
            chip.addEventListener("click", () => {
                query.delete(key, value);
                draw();
                place("search").focus();
            });
            return chip;
        }),
    );
    place("extra-filters").replaceChildren(...chips);
}

function draw() {
    const text = query.toString();
    history.replaceState(null, "", text ? "?" + text : location.pathname);
    const order = ORDERS[query.get("sort")] ?? ORDERS.lastModified;
    const shown = models.filter(matches).sort(order.compare);
    extraChips();
    place("count").textContent =
        shown.length === models.length
            ? plural(models.length, "model")
            : shown.length + " of " + plural(models.length, "model");
    const list = el("ul", { class: "model-list" }, shown.map(modelCard));
    place("results").replaceChildren(shown.length ? list : emptyState(models.length === 0));
    refreshStates();
}

function paintState(card, status) {
    const { kind, text } = describeState(status);
    card.querySelector(".dot").dataset.kind = kind;
    const caption = card.querySelector(".model-card-state");
    caption.title = text;
    caption.lastChild.textContent = text;
}

/* Asks for the state of the cards on the screen, a few at a time. */
async function refreshStates() {
    if (document.visibilityState !== "visible") return;
    const onScreen = [...document.querySelectorAll(".model-card")].filter((card) => {
        const box = card.getBoundingClientRect();
        return box.bottom > 0 && box.top < innerHeight;
    });
    const next = async () => {
        for (let card = onScreen.shift(); card; card = onScreen.shift()) {
            try {
                paintState(card, await readStatus(card.dataset.id));
            } catch {
                card.querySelector(".dot").dataset.kind = "unknown";
            }
        }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
}

function fillChoices(select, values, all, label) {
    select.replaceChildren(
        el("option", { value: "" }, all),
        ...[...values].sort().map((value) => el("option", { value }, label(value))),
    );
}

function startControls() {
    fillChoices(
        place("task"),
        new Set(models.map((model) => model.pipeline_tag).filter(Boolean)),
        "All tasks",
        (task) => taskLabel(task, tasks),
    );
    fillChoices(
        place("library"),
        new Set(models.map((model) => model.library_name).filter(Boolean)),
        "All libraries",
        (name) => name,
    );
    place("sort").replaceChildren(
        ...Object.entries(ORDERS).map(([value, { label }]) => el("option", { value }, label)),
    );
    for (const [key, name] of Object.entries(CONTROLS)) {
        const input = place(name);
        input.value = query.get(key) ?? (key === "sort" ? "lastModified" : "");
        input.addEventListener("input", () => {
            if (input.value) query.set(key, input.value);
            else query.delete(key);
            draw();
        });
    }
    place("search").form.addEventListener("submit", (event) => event.preventDefault());
    addEventListener("keydown", (event) => {
        const typing = event.target.closest?.("input, textarea, select, dialog");
        if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
            event.preventDefault();
            place("search").focus();
        }
    });
}

async function start() {
    startHeader();
    try {
        [models, tasks] = await Promise.all([listModels(), getJson("/api/tasks")]);
    } catch (error) {
        place("results").replaceChildren(errorBox(error, () => location.reload()));
        place("count").textContent = "";
        place("search").form.hidden = true;
        return;
    }
    startControls();
    draw();
    addEventListener("scrollend", refreshStates);
    setInterval(refreshStates, STATE_REFRESH_MS);
}

start();
