"""Moving the controls of a demo as a user does, by keyboard and by pointer, and seeing its picture follow."""

import time

DEMO = ".ssl-course-demo"
KINDS = {
    "slider": ".noUi-handle",
    "switch": ".widget-checkbox input",
    "button": ".widget-toggle-button",
}
PATIENCE = 12  # seconds
END = 0.03  # share of a track
SLIDING = 0.6  # seconds; while a handle still slides to where somebody has clicked, it answers to no other click


def shown(demo):
    """What a demo shows: its sentence, and the end of its picture's bytes, where their checksum stands."""
    return demo.evaluate(
        """demo => {
            const picture = demo.querySelector('img').src;
            return [demo.querySelector('[role="status"]').innerText, picture.length, picture.slice(-64)];
        }"""
    )


def seconds_until_it_moves(demo, act):
    """Do something, and wait until the demo shows something else; None if it doesn't."""
    before, start = shown(demo), time.perf_counter()
    act()
    while time.perf_counter() - start < PATIENCE:
        if shown(demo) != before:
            return time.perf_counter() - start
        time.sleep(0.02)
    return None


def by_keyboard(kind, control):
    """Ways to move a control without a pointer, to be tried in turn, each with its way back: it may stand at an end."""
    if kind in ("switch", "button"):
        return [(lambda: control.press("Space"), lambda: control.press("Space"))]
    keys = (("ArrowRight", "ArrowLeft"), ("ArrowLeft", "ArrowRight"))
    return [(lambda key=key: control.press(key), lambda back=back: control.press(back)) for key, back in keys]


def by_pointer(kind, control):
    """Ways to move a control with a pointer, to be tried in turn, each with its way back."""
    if kind in ("switch", "button"):
        return [(control.click, control.click)]
    return [(lambda share=share: _click_track(control, share), _way_back(control)) for share in (0.9, 0.1, 0.5)]


def _way_back(handle):
    """How to bring a slider to where it stands now; a click on an end of the track meets other things."""
    now = _share(handle)
    if END < now < 1 - END:
        return lambda: _click_track(handle, now)
    return lambda: handle.press("Home" if now <= END else "End")


def _track(handle):
    track = handle.locator("xpath=ancestor::*[contains(@class, 'noUi-base')]")
    track.scroll_into_view_if_needed()
    return track, track.bounding_box()


def _share(handle):
    """Where on its track a slider's handle stands, from 0 to 1."""
    _, box = _track(handle)
    own = handle.bounding_box()
    return min(1.0, max(0.0, (own["x"] + own["width"] / 2 - box["x"]) / box["width"]))


def _click_track(handle, share):
    track, box = _track(handle)
    track.click(position={"x": share * box["width"], "y": box["height"] / 2}, force=True)


def name_of(control):
    """The words beside a control."""
    return control.evaluate("each => (each.closest('.widget-inline-hbox') || each.parentElement).innerText.trim()")


def move(demo, ways):
    """Seconds until the first of these ways has moved the demo, and move it back; None if none has."""
    for way, back in ways:
        seconds = seconds_until_it_moves(demo, way)
        if seconds is not None:
            time.sleep(SLIDING)
            assert seconds_until_it_moves(demo, back) is not None, "it doesn't go back"
            return seconds
    return None


def controls_of(demo):
    """Every control that a demo shows, with its kind; of many buttons in one grid the first and the last."""
    for kind, selector in KINDS.items():
        controls = [each for each in demo.locator(selector).all() if each.is_visible() and each.is_enabled()]
        for control in controls[:: max(1, len(controls) - 1)] if kind == "button" else controls:
            yield kind, control
