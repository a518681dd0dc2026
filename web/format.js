/* Numbers, sizes and times as people read them. */

const KNOWN_UNITS = ["B", "kB", "MB", "GB", "TB"];

/* 90868376 -> "90.9 MB" (decimal units, as file managers and the hub show them). */
export function bytes(size) {
    let unit = 0;
    while (size >= 999.5 && unit < KNOWN_UNITS.length - 1) {
        size /= 1000;
        unit++;
    }
    return (
        (unit === 0 || size >= 100 ? size.toFixed(0) : size.toFixed(1)) + " " + KNOWN_UNITS[unit]
    );
}

/* 22713728 -> "22.7M" */
export function count(n) {
    return new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 }).format(
        n,
    );
}

const STEPS = [
    ["year", 31557600],
    ["month", 2629800],
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
];

/* "2026-11-20T10:00:00.000Z" -> "3 days ago" */
export function ago(iso, now = Date.now()) {
    const seconds = (Date.parse(iso) - now) / 1000;
    const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
    for (const [unit, length] of STEPS)
        if (Math.abs(seconds) >= length) return words.format(Math.round(seconds / length), unit);
    return "just now";
}

/* Seconds until something: 872 -> "15 min", 42 -> "42 s" */
export function remaining(seconds) {
    if (seconds < 90) return Math.max(0, Math.round(seconds)) + " s";
    if (seconds < 5400) return Math.round(seconds / 60) + " min";
    return Math.round(seconds / 3600) + " h";
}

/* Milliseconds something took: 3.21 -> "3.2 ms", 1834 -> "1.83 s" */
export function took(ms) {
    if (ms >= 1000) return (ms / 1000).toFixed(2) + " s";
    return (ms >= 10 ? ms.toFixed(0) : ms.toFixed(1)) + " ms";
}

/* A probability or another score: 0.98765 -> "0.988", 0.000123 -> "0.00012" */
export function score(value) {
    const small = value !== 0 && Math.abs(value) < 0.001;
    return small ? value.toPrecision(2) : value.toFixed(3);
}

/* "source_sentence" -> "Source sentence" */
export function title(key) {
    const words = key.replaceAll(/[_-]+/g, " ");
    return words.charAt(0).toUpperCase() + words.slice(1);
}

/* "zero-shot-classification" -> "Zero-Shot Classification", as /api/tasks spells it; what this
 * server does not know in capitals: "text-to-image" -> "Text To Image". */
export function taskLabel(task, tasks) {
    return tasks[task]?.label ?? title(task).replaceAll(/ [a-z]/g, (letter) => letter.toUpperCase());
}

export function plural(n, word) {
    return n + " " + word + (n === 1 ? "" : "s");
}
