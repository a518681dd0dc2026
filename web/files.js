/* The files of a model: sizes, downloads, and the checksum of what the hub keeps in LFS. */

import { getJson, idPath } from "./api.js";
import { copyButton, el, icon } from "./dom.js";
import { bytes, plural } from "./format.js";

function fileRow(id, file) {
    const href = "/" + idPath(id) + "/resolve/main/" + idPath(file.path);
    const sha = file.lfs?.oid;
    return el(
        "tr",
        {},
        el("td", { class: "file-name" }, icon("file"), el("a", { href }, file.path)),
        el(
            "td",
            { class: "file-sha" },
            sha ? el("code", { title: "SHA-256 " + sha }, sha.slice(0, 12) + "…") : null,
            sha ? copyButton("Copy SHA-256 of " + file.path, () => sha) : null,
        ),
        el("td", { class: "file-size" }, bytes(file.size)),
        el(
            "td",
            {},
            el(
                "a",
                {
                    class: "button quiet icon-only",
                    href: href + "?download=true",
                    download: "",
                    "aria-label": "Download " + file.path,
                    title: "Download",
                },
                icon("download"),
            ),
        ),
    );
}

/* Reads the listing of model `id`; a node with its table. */
export async function filesTable(id) {
    const entries = await getJson("/api/models/" + idPath(id) + "/tree/main?recursive=true");
    const files = entries.filter((entry) => entry.type === "file");
    const total = files.reduce((sum, file) => sum + file.size, 0);
    return el(
        "div",
        {},
        el("p", { class: "hint" }, plural(files.length, "file") + ", " + bytes(total)),
        el(
            "table",
            { class: "files" },
            el(
                "thead",
                {},
                el(
                    "tr",
                    {},
                    ["Name", "SHA-256", "Size", "Download"].map((name, i) =>
                        el(
                            "th",
                            {
                                scope: "col",
                                class: ["", "file-sha", "file-size", "visually-hidden-cell"][i],
                            },
                            i === 3 ? el("span", { class: "visually-hidden" }, name) : name,
                        ),
                    ),
                ),
            ),
            el(
                "tbody",
                {},
                files.map((file) => fileRow(id, file)),
            ),
        ),
    );
}
