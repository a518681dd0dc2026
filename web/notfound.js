/* The page for addresses where nothing is: if it could be a model's, says how to get it. */

import { el } from "./dom.js";
import { startHeader } from "./header.js";

const MODEL_ID = /^[\w.-]{1,96}(\/[\w.-]{1,96})?$/;

const id = location.pathname.replace(/^\/+|\/+$/g, "");
document.getElementById("missing").textContent = "/" + id;
if (MODEL_ID.test(id)) {
    document
        .getElementById("advice")
        .replaceChildren(
            el("p", {}, "No model of this name is on this machine. If a hub has it:"),
            el(
                "pre",
                { tabindex: 0, "aria-label": "Command" },
                el("code", {}, "inferd pull " + id),
            ),
        );
}
startHeader();
