// What scrolls can be scrolled by keyboard, in browsers that do not see to it themselves.
const SCROLLING = "pre, .math-wrapper, .table-wrapper, .text_html, .cell_output:has(> img)";
function makeScrollingFocusable() {
  for (const region of document.querySelectorAll(SCROLLING)) {
    const [wide, high] = [region.scrollWidth > region.clientWidth, region.scrollHeight > region.clientHeight];
    region.tabIndex = wide || high ? 0 : -1;
  }
}
addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  makeScrollingFocusable();
});
addEventListener("resize", makeScrollingFocusable);
// What is folded has no width until it is opened.
addEventListener("toggle", makeScrollingFocusable, { capture: true });

// A page that was opened as a file may not read other files, so the search shows titles alone.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
