/* The colour theme. A classic script in <head>, so that the page never flashes in the wrong one.
 * No choice stored: the system's preference holds. */
(function () {
    "use strict";
    const KEY = "inferd.theme";
    const root = document.documentElement;

    function stored() {
        try {
            return localStorage.getItem(KEY);
        } catch {
            return null; // storage refused: the system's preference holds
        }
    }

    function apply(theme) {
        if (theme === "dark" || theme === "light") root.dataset.theme = theme;
        else delete root.dataset.theme;
    }

    function current() {
        const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
        return root.dataset.theme || system;
    }

    function describe(button) {
        const next = current() === "dark" ? "light" : "dark";
        button.setAttribute("aria-label", "Switch to " + next + " theme");
        button.title = "Switch to " + next + " theme";
    }

    function toggle(button) {
        const next = current() === "dark" ? "light" : "dark";
        apply(next);
        try {
            localStorage.setItem(KEY, next);
        } catch {
            // The choice then lasts as long as the page.
        }
        describe(button);
    }

    apply(stored());
    addEventListener("DOMContentLoaded", () => {
        const button = document.getElementById("theme-toggle");
        describe(button);
        button.addEventListener("click", () => toggle(button));
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
            describe(button),
        );
    });
})();
