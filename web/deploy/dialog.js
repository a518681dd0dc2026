/* The Deploy menu, and its dialog with code for what the widget holds. */

import { copyButton, el, icon } from "../dom.js";
import { errorBox } from "../errors.js";
import { highlight } from "../highlight.js";
import { taskBody, taskPath } from "../request.js";
import { tabs } from "../tabs.js";
import { widgets } from "../widgets/list.js";
import { languages } from "./list.js";

/* What the code shall send: the widget's values, for this model on this server. */
function callOf(model, { task, inputs, parameters }, withToken) {
    const row = widgets[task] ?? {};
    return {
        origin: location.origin,
        path: taskPath(model, task),
        model,
        task,
        inputs,
        parameters,
        body: taskBody(inputs, parameters, row.rootParameters),
        withToken,
        row,
    };
}

/* A dialog with a title and a close button, in the page but not yet shown. */
function plainDialog(...content) {
    const close = el(
        "button",
        { class: "button quiet icon-only", "aria-label": "Close" },
        icon("close"),
    );
    const dialog = el(
        "dialog",
        { class: "dialog", "aria-labelledby": "deploy-title" },
        el(
            "div",
            { class: "dialog-head" },
            el("h2", { id: "deploy-title" }, "Inference API"),
            el("form", { method: "dialog" }, close),
        ),
        content,
    );
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    return dialog;
}

function languageTabs(offered) {
    const attributes = { type: "button", role: "tab", "aria-controls": "deploy-panel" };
    return el(
        "div",
        { role: "tablist", class: "tablist", "aria-label": "Languages" },
        offered.map(({ id, label }) => el("button", { ...attributes, id: "deploy-" + id }, label)),
    );
}

function tokenChoice(checkbox) {
    const name = el("code", {}, "HF_TOKEN");
    const command = el("code", {}, "inferd token create");
    const text = el("span", {}, "Send a token from ", name, " (made with ", command, ")");
    return el("label", { class: "check" }, checkbox, text);
}

function codeDialog(model, values, authRequired) {
    const withToken = el("input", { type: "checkbox", id: "with-token", checked: authRequired });
    const offered = languages.filter((one) => one.applies(callOf(model, values, false)));
    let chosen = offered[0];
    let text = "";
    const code = el("code", { id: "deploy-code" });
    const copy = copyButton("Copy code", () => text);
    const panel = el(
        "div",
        { role: "tabpanel", id: "deploy-panel", class: "code-block" },
        el("div", { class: "code-tools" }, copy),
        el("pre", { tabindex: 0, "aria-label": "Code" }, code),
    );
    const list = languageTabs(offered);
    const dialog = plainDialog(
        el("p", { class: "hint" }, "This code sends what the widget holds now to this server."),
        list,
        panel,
        tokenChoice(withToken),
    );

    function draw() {
        text = chosen.code(callOf(model, values, withToken.checked));
        code.replaceChildren(highlight(text, chosen.language));
        panel.setAttribute("aria-labelledby", "deploy-" + chosen.id);
    }
    const select = tabs(list, (tab) => {
        chosen = offered.find((one) => "deploy-" + one.id === tab.id);
        draw();
    });
    select(list.firstChild);
    withToken.addEventListener("change", draw);
    draw();
    return dialog;
}

/* A menu of ways to use the model elsewhere. values(): the widget's, read when the dialog opens. */
export function deployMenu(model, values, authRequired) {
    const button = el(
        "button",
        {
            type: "button",
            class: "button",
            id: "deploy",
            "aria-haspopup": "menu",
            "aria-expanded": "false",
            "aria-controls": "deploy-menu",
        },
        icon("rocket"),
        "Deploy",
        icon("down"),
    );
    const item = el(
        "button",
        { type: "button", role: "menuitem", class: "menu-item", tabindex: -1 },
        el("strong", {}, "Inference API"),
        el("span", { class: "hint" }, "Call this model from your code"),
    );
    const menu = el(
        "div",
        { role: "menu", id: "deploy-menu", class: "menu", "aria-label": "Deploy", hidden: true },
        item,
    );
    const node = el("div", { class: "menu-anchor" }, button, menu);

    function open(shown) {
        menu.hidden = !shown;
        button.setAttribute("aria-expanded", String(shown));
        (shown ? item : button).focus();
    }
    button.addEventListener("click", () => open(menu.hidden));
    button.addEventListener("keydown", (event) => {
        if (event.key === "ArrowDown") {
            event.preventDefault();
            open(true);
        }
    });
    node.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && !menu.hidden) open(false);
    });
    node.addEventListener("focusout", (event) => {
        if (!node.contains(event.relatedTarget)) {
            menu.hidden = true;
            button.setAttribute("aria-expanded", "false");
        }
    });
    item.addEventListener("click", () => {
        open(false);
        try {
            codeDialog(model, values(), authRequired).showModal();
        } catch (error) {
            plainDialog(errorBox(error)).showModal();
        }
    });
    return node;
}
