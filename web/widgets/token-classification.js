/* token-classification: the text with its entities marked, one colour a group. */

import { el } from "../dom.js";
import { score } from "../format.js";
import { spanNodes } from "../spans.js";
import { placeFields } from "./places.js";

const N_HUES = 8; // .hue-0 ... of results.css

/* {group: number}, in the order in which they appear. */
function huesOf(entities) {
    const groups = [...new Set(entities.map((entity) => entity.entity_group))];
    return new Map(groups.map((group, i) => [group, "hue-" + (i % N_HUES)]));
}

function entityMark(text, { entity_group: group, score: value }, hue) {
    return el(
        "mark",
        { class: "entity " + hue, tabindex: 0, data: { group } },
        text,
        el(
            "span",
            { class: "entity-group" },
            group,
            el("span", { class: "entity-score", role: "tooltip" }, score(value)),
        ),
    );
}

/* How many there are of each group, in its colour. */
function legend(entities, hues) {
    const count = (group) => entities.filter((entity) => entity.entity_group === group).length;
    return el(
        "ul",
        { class: "legend", "aria-label": "Groups" },
        [...hues].map(([group, hue]) =>
            el("li", { class: "entity " + hue }, group, " ", el("span", {}, count(group))),
        ),
    );
}

/* The same in words. */
function entityList(entities) {
    const say = ({ word, entity_group: group, score: value }) =>
        word + ": " + group + ", " + score(value);
    return el(
        "ul",
        { class: "visually-hidden", "aria-label": "Entities" },
        entities.map((entity) => el("li", {}, say(entity))),
    );
}

export default {
    fields: { inputs: { label: "Text" }, ignore_labels: { singular: "label" }, ...placeFields },
    python: { parameters: ["aggregation_strategy", "ignore_labels", "stride"] },

    result(entities, text) {
        if (entities.length === 0) return el("p", { class: "hint" }, "No entities in this text.");
        const hues = huesOf(entities);
        const nodes = spanNodes(text, entities, (part, entity) =>
            entityMark(part, entity, hues.get(entity.entity_group)),
        );
        return el(
            "div",
            { class: "result" },
            legend(entities, hues),
            el("div", { class: "marked-text" }, nodes),
            entityList(entities),
        );
    },

    summary: (entities) => (entities.length === 1 ? "1 entity" : entities.length + " entities"),
};
