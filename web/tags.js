/* The tags of a model as links to the list of models which share them. */

import { el } from "./dom.js";
import { title } from "./format.js";

const MOST_SHOWN = 9;
/* Said elsewhere or by nobody looked for. */
const HIDDEN = /^(region:|endpoints_compatible$|base_model:\w+:)/;

/* "en" -> "English"; null when it is not a language code. */
function languageName(code) {
    if (!/^[a-z]{2,3}$/.test(code)) return null;
    const name = new Intl.DisplayNames("en", { type: "language", fallback: "none" }).of(code);
    return name ?? null;
}

function chip(query, label, kind) {
    return el("a", { class: "chip " + kind, href: "/?" + new URLSearchParams(query) }, label);
}

function tagChip(tag, languages) {
    const [prefix, ...rest] = tag.split(":");
    if (prefix === "license" && rest.length)
        return chip({ filter: tag }, "Licence: " + rest.join(":"), "licence");
    if (["dataset", "arxiv", "base_model"].includes(prefix) && rest.length)
        return chip({ filter: tag }, title(prefix) + ": " + rest.join(":"), "source");
    if (languages.includes(tag)) return chip({ filter: tag }, languageName(tag) ?? tag, "language");
    return chip({ filter: tag }, tag, "other");
}

/* What people choose by comes first: licence, language, then formats, then data and papers. */
function rank(tag, languages) {
    if (tag.startsWith("license:")) return 0;
    if (languages.includes(tag)) return 1;
    return tag.includes(":") ? 3 : 2;
}

/* The chips of a model: task and library, then the others; those beyond the first few behind a
 * button. */
export function tagChips(model, taskLabel) {
    const languages = [model.cardData?.language ?? []].flat();
    const known = [model.pipeline_tag, model.library_name];
    const tags = (model.tags ?? [])
        .filter((tag) => !known.includes(tag) && !HIDDEN.test(tag))
        .sort((a, b) => rank(a, languages) - rank(b, languages));
    const first = [];
    if (model.pipeline_tag)
        first.push(chip({ pipeline_tag: model.pipeline_tag }, taskLabel, "task"));
    if (model.library_name)
        first.push(chip({ library: model.library_name }, model.library_name, "library"));
    const chips = [...first, ...tags.map((tag) => tagChip(tag, languages))];
    const row = el("div", { class: "chips" }, chips.slice(0, MOST_SHOWN));
    if (chips.length > MOST_SHOWN) {
        const more = el(
            "button",
            { type: "button", class: "chip more" },
            "+ " + (chips.length - MOST_SHOWN) + " more",
        );
        more.addEventListener("click", () => {
            const rest = chips.slice(MOST_SHOWN);
            more.replaceWith(...rest);
            rest[0].focus();
        });
        row.append(more);
    }
    return row;
}
