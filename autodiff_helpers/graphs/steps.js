// Turns every picture of a backward pass on this page into a player.
for (const root of document.querySelectorAll(".autodiff-steps:not([data-ready])")) {
  root.dataset.ready = "";
  const shownFrom = Object.entries(JSON.parse(root.dataset.steps));
  const captions = [...root.querySelectorAll("li")];
  const [previous, next, play] = root.querySelectorAll("button");
  const last = captions.length - 1;
  let step = last;
  let timer = null;

  function show(number) {
    step = Math.min(Math.max(number, 0), last);
    captions.forEach((caption, k) => { caption.hidden = k !== step; });
    for (const [id, from] of shownFrom) {
      const element = root.querySelector(`[id="${id}"]`);
      element.classList.toggle("later", from > step);
      element.classList.toggle("now", from === step);
    }
    previous.disabled = step === 0;
    next.disabled = step === last;
    if (step === last) stop();
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  }

  previous.onclick = () => { stop(); show(step - 1); };
  next.onclick = () => { stop(); show(step + 1); };
  play.onclick = () => {
    if (timer !== null) return stop();
    show(step === last ? 0 : step + 1);
    play.textContent = "Pause";
    timer = setInterval(() => show(step + 1), 1500);
  };
  root.querySelector("div").hidden = false;
  show(0);
}
