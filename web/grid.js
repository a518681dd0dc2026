/* A table to edit in place: names of columns above, a row of cells each below. Enter and the arrows
 * go from cell to cell, as Tab does; what a spreadsheet copied fills the cells from there on. */

import { announce, el, icon } from "./dom.js";
import { linesOf, pastedLines, tableOf } from "./table.js";

const FIRST_ROW = 2; // of the node: above are the buttons that remove columns, and the names
const NAMES = 1;
const EMPTY = [
    ["", ""],
    ["", ""],
    ["", ""],
];

const placeOf = (node) => {
    const cell = node.closest("td, th");
    return { x: cell.cellIndex, y: cell.parentElement.rowIndex };
};

/* Tab goes from text to text and passes by these: the arrows go there. */
const removeButton = () =>
    el(
        "button",
        { type: "button", class: "button quiet icon-only", tabindex: -1, title: "Remove" },
        icon("close"),
    );

const textBox = (value) => {
    const box = el("textarea", { rows: 1, spellcheck: "false" });
    box.value = value;
    return box;
};

const isLast = (key, box) =>
    ({
        ArrowUp: () => !box.value.slice(0, box.selectionStart).includes("\n"),
        ArrowDown: () => !box.value.slice(box.selectionEnd).includes("\n"),
        ArrowLeft: () => box.selectionEnd === 0,
        ArrowRight: () => box.selectionStart === box.value.length,
    })[key]();

const STEPS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

class Grid {
    #buttons = el("tr", { class: "grid-tools" });
    #names = el("tr");
    #rows = el("tbody");

    constructor(label) {
        this.node = el(
            "table",
            { class: "grid", "aria-label": label },
            el("thead", {}, this.#buttons, this.#names),
            this.#rows,
        );
        this.node.addEventListener("keydown", (event) => this.#key(event));
        this.node.addEventListener("paste", (event) => this.#paste(event));
        this.node.addEventListener("click", (event) => this.#click(event));
        this.#names.addEventListener("input", () => this.#describe());
    }

    get width() {
        return this.#names.cells.length;
    }

    get height() {
        return this.#rows.rows.length;
    }

    /* The texts, the names of the columns first. */
    get lines() {
        const texts = (row) => [...row.querySelectorAll("textarea")].map((box) => box.value);
        return [this.#names, ...this.#rows.rows].map(texts);
    }

    set lines([names, ...rows]) {
        for (const part of [this.#buttons, this.#names, this.#rows]) part.replaceChildren();
        this.#grow(Math.max(1, names.length), Math.max(1, rows.length));
        this.#put([names, ...rows], 0, NAMES);
        this.#describe();
    }

    /* The text, or button, at a place; y counts the rows of the node. */
    at(x, y) {
        return this.node.rows[y]?.cells[x]?.firstElementChild;
    }

    focus(x, y) {
        this.at(x, y)?.focus();
    }

    add(columns, rows) {
        this.#grow(this.width + columns, this.height + rows);
        this.#describe();
        if (columns) this.focus(this.width - 1, NAMES);
        else this.focus(0, FIRST_ROW + this.height - 1);
    }

    #grow(width, height) {
        for (let x = this.width; x < width; x++) {
            this.#buttons.append(el("td", {}, removeButton()));
            this.#names.append(el("th", { scope: "col" }, textBox("")));
            for (const row of this.#rows.rows)
                row.insertBefore(el("td", {}, textBox("")), row.lastChild);
        }
        for (let y = this.height; y < height; y++) {
            const cells = Array.from({ length: this.width }, () => el("td", {}, textBox("")));
            this.#rows.append(el("tr", {}, cells, el("td", {}, removeButton())));
        }
    }

    #put(lines, left, top) {
        lines.forEach((line, y) =>
            line.forEach((value, x) => {
                this.at(left + x, top + y).value = value;
            }),
        );
    }

    /* Says of every text and button where it stands. */
    #describe() {
        const names = this.lines[0].map((name, x) => name.trim() || "column " + (x + 1));
        names.forEach((name, x) => {
            this.at(x, 0).setAttribute("aria-label", "Remove " + name);
            this.at(x, 0).disabled = this.width === 1;
            this.at(x, NAMES).setAttribute("aria-label", "Name of column " + (x + 1));
        });
        [...this.#rows.rows].forEach((row, y) => {
            [...row.cells].forEach(({ firstElementChild: part }, x) => {
                const where = "row " + (y + 1);
                part.setAttribute(
                    "aria-label",
                    x < names.length ? names[x] + ", " + where : "Remove " + where,
                );
            });
            row.lastChild.firstElementChild.disabled = this.height === 1;
        });
    }

    #click({ target }) {
        const button = target.closest("button");
        if (!button) return;
        const { x, y } = placeOf(button);
        announce(button.getAttribute("aria-label").replace("Remove", "Removed"));
        if (y === 0) for (const row of [...this.node.rows]) row.cells[x].remove();
        else this.node.rows[y].remove();
        this.#describe();
        if (y === 0) this.focus(Math.min(x, this.width - 1), NAMES);
        else this.focus(0, Math.min(y, FIRST_ROW + this.height - 1));
    }

    #key(event) {
        const { key, target, shiftKey, ctrlKey, metaKey, altKey, isComposing } = event;
        if (shiftKey || ctrlKey || metaKey || altKey || isComposing) return;
        const { x, y } = placeOf(target);
        const isText = target.matches("textarea");
        if (key === "Enter" && isText) {
            event.preventDefault();
            if (y + 1 === this.node.rows.length) {
                this.#grow(this.width, this.height + 1);
                this.#describe();
            }
            this.focus(x, y + 1);
        } else if (STEPS[key] && (!isText || isLast(key, target))) {
            const [dx, dy] = STEPS[key];
            const next = this.at(x + dx, y + dy);
            if (!next || next.disabled) return;
            event.preventDefault();
            next.focus();
            next.select?.();
        }
    }

    #paste(event) {
        const clip = event.clipboardData.getData("text");
        if (!/[\t\n\r]/.test(clip) || !event.target.matches("textarea")) return;
        event.preventDefault();
        const lines = pastedLines(clip);
        const { x, y } = placeOf(event.target);
        const wide = Math.max(...lines.map((line) => line.length));
        this.#grow(
            Math.max(this.width, x + wide),
            Math.max(this.height, y + lines.length - FIRST_ROW),
        );
        this.#put(lines, x, y);
        this.#describe();
        announce("Pasted " + lines.length + " rows of " + wide);
    }
}

/* A control (see form.js) whose value is a table (see table.js); without a text in it, an empty
 * one. */
export function tableControl(schema, options) {
    const grid = new Grid(options.label);
    const adder = (what, columns, rows) =>
        el(
            "button",
            {
                type: "button",
                class: "button small",
                on: { click: () => grid.add(columns, rows) },
            },
            icon("add"),
            "Add " + what,
        );
    const hint = "Cells of a spreadsheet can be pasted.";
    const set = (table) => {
        grid.lines = table && Object.keys(table).length > 0 ? linesOf(table) : EMPTY;
    };
    set(schema.default);
    return {
        node: el(
            "fieldset",
            { class: "field" },
            el("legend", {}, options.label),
            el("div", { class: "grid-box" }, grid.node),
            el(
                "div",
                { class: "grid-actions" },
                adder("row", 0, 1),
                adder("column", 1, 0),
                el("p", { class: "hint" }, [options.hint, hint].filter(Boolean).join(". ")),
            ),
        ),
        get: () => tableOf(grid.lines),
        set,
        focus: () => grid.focus(0, NAMES),
    };
}
