// Draws every [data-figure-url] with plotly.js, in the colour scheme of the reader's device, and in light colours on paper.
"use strict";

(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  const SCREEN = { autosize: true };
  const PAPER = { autosize: false, width: 660, height: 340 }; // fits A4 and Letter between their margins

  const say = (place, words, role) => {
    const line = document.createElement("p");
    line.className = "chart-status";
    line.setAttribute("role", role);
    line.textContent = words;
    place.replaceChildren(line);
  };

  const load = async (url) => {
    const answer = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`The figure was answered with ${answer.status}.`);
    return answer.json();
  };

  const draw = async (place) => {
    try {
      const figure = await load(place.dataset.figureUrl);
      const show = (scheme, size) => {
        const layout = { ...figure.layout, ...size, template: figure.themes[scheme] };
        return window.Plotly.react(place, figure.data, layout, figure.config);
      };
      const follow = () => show(dark.matches ? "dark" : "light", SCREEN);
      place.replaceChildren();
      await follow();
      dark.addEventListener("change", follow);
      window.addEventListener("beforeprint", () => show("light", PAPER));
      window.addEventListener("afterprint", follow);
    } catch (error) {
      console.warn(error);
      say(place, "The chart could not be drawn. The table below has the same figures.", "alert");
    } finally {
      place.removeAttribute("aria-busy");
    }
  };

  document.querySelectorAll("[data-figure-url]").forEach(draw);
})();
