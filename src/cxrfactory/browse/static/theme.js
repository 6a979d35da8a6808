// Run before the first paint: the theme that the user chose, else the system's.
try {
  const chosen = localStorage.getItem("cxrfactory.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  /* storage is closed: the system's theme holds */
}
