(function () {
  "use strict";
  var box = document.getElementById("subject-search");
  if (!box) { return; }
  var people = Array.prototype.slice.call(document.querySelectorAll(".person"));
  var others = document.getElementById("other-subjects");
  var found = document.getElementById("subject-found");
  box.parentNode.hidden = false;
  box.addEventListener("input", function () {
    var wanted = box.value.trim().toLowerCase(), hits = 0;
    people.forEach(function (one) {
      var hit = one.getAttribute("data-subject").toLowerCase().indexOf(wanted) >= 0;
      one.hidden = !hit;
      hits += hit ? 1 : 0;
    });
    if (others) { others.open = wanted !== ""; }
    found.textContent = wanted ? hits + " of " + people.length : "";
  });
}());
