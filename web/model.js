/* The page of one model; which one, the address says. */

import { getJson, idPath } from "./api.js";
import { cardNodes } from "./card.js";
import { deployMenu } from "./deploy/dialog.js";
import { copyButton, el } from "./dom.js";
import { errorBox } from "./errors.js";
import { filesTable } from "./files.js";
import { ago, bytes, count, taskLabel } from "./format.js";
import { startHeader } from "./header.js";
import { tabs } from "./tabs.js";
import { tagChips } from "./tags.js";
import { tasksOf, Widget } from "./widget.js";

const id = decodeURIComponent(location.pathname).replace(/^\/+|\/+$/g, "");
const place = (name) => document.getElementById(name);

function facts(model) {
    const parts = [];
    if (model.safetensors?.total) parts.push(count(model.safetensors.total) + " parameters");
    if (model.usedStorage) parts.push(bytes(model.usedStorage));
    if (model.lastModified) parts.push("updated " + ago(model.lastModified));
    return parts.join(" · ");
}

function showHeader(model, tasks) {
    const [name, owner] = id.split("/").reverse();
    document.title = id + " · inferd";
    const label = taskLabel(model.pipeline_tag ?? "", tasks);
    place("model-head").replaceChildren(
        el(
            "div",
            { class: "model-title" },
            el(
                "h1",
                { id: "model-name" },
                owner
                    ? [
                          el(
                              "a",
                              { class: "owner", href: "/?author=" + encodeURIComponent(owner) },
                              owner,
                          ),
                          el("span", { class: "slash" }, "/"),
                      ]
                    : null,
                el("span", { class: "name" }, name),
            ),
            copyButton("Copy model id", () => id),
        ),
        tagChips(model, label),
        el("p", { class: "hint" }, facts(model)),
    );
}

/* In place of a widget, where there is none. */
function whyNoWidget(model, tasks) {
    const task = model.pipeline_tag;
    if (model.problem) return errorBox({ status: 500, message: model.problem });
    const text = task
        ? "This server cannot run models for " + taskLabel(task, tasks) + "."
        : "Neither the model card nor config.json says which task this model is for.";
    return el("p", {}, text);
}

function showWidget(model, tasks, server) {
    if (tasksOf(model, tasks).length === 0) {
        place("side").replaceChildren(
            el(
                "section",
                { class: "panel widget" },
                el("h2", {}, "Try this model"),
                whyNoWidget(model, tasks),
            ),
        );
        return;
    }
    const authRequired = server?.auth_required ?? false;
    const widget = new Widget(
        model,
        tasks,
        deployMenu(model, () => widget.values(), authRequired),
    );
    place("side").replaceChildren(widget.node);
}

async function showCard() {
    try {
        const { html } = await getJson("/api/models/" + idPath(id) + "/card");
        const card = cardNodes(html, id);
        if (card.textContent.trim() === "" && !card.querySelector("img"))
            card.replaceChildren(
                el(
                    "p",
                    { class: "hint" },
                    "This model has no card: its folder holds no README.md.",
                ),
            );
        place("card-panel").replaceChildren(card);
        scrollToHeading();
    } catch (error) {
        place("card-panel").replaceChildren(errorBox(error, showCard));
    }
}

async function showFiles() {
    const panel = place("files-panel");
    if (panel.dataset.shown) return;
    panel.dataset.shown = "yes";
    try {
        panel.replaceChildren(await filesTable(id));
    } catch (error) {
        delete panel.dataset.shown;
        panel.replaceChildren(errorBox(error, showFiles));
    }
}

function scrollToHeading() {
    const heading = document.getElementById("card-" + decodeURIComponent(location.hash.slice(1)));
    heading?.scrollIntoView();
}

/* #files is the one tab, #card the other, and any other hash a heading in the card. */
function startTabs() {
    const select = tabs(place("model-tabs"), (tab) => {
        history.replaceState(null, "", tab.id === "files-tab" ? "#files" : "#card");
        follow();
    });
    function follow() {
        const files = location.hash === "#files";
        select(place(files ? "files-tab" : "card-tab"));
        if (files) showFiles();
        else scrollToHeading();
    }
    addEventListener("hashchange", follow);
    follow();
}

async function start() {
    const server = await startHeader();
    try {
        const [model, tasks] = await Promise.all([
            getJson("/api/models/" + idPath(id)),
            getJson("/api/tasks"),
        ]);
        showHeader(model, tasks);
        showWidget(model, tasks, server);
    } catch (error) {
        place("model-head").replaceChildren(
            el("h1", { id: "model-name" }, id),
            errorBox(error, () => location.reload()),
        );
        place("side").hidden = true;
        place("main").hidden = true;
        return;
    }
    startTabs();
    showCard();
}

start();
