"""Moving the controls of a demo as a user does, by keyboard and by pointer, and seeing its picture follow."""

import time

DEMO = ".ssl-course-demo"
KINDS = {
    "slider": ".noUi-handle",
    "list": ".widget-dropdown select",
    "switch": ".widget-checkbox input",
    "button": ".widget-toggle-button",
}
PATIENCE = 20  # seconds


def shown(demo):
    """What a demo shows: its picture, and its sentence."""
    return demo.locator("img").first.get_attribute("src"), demo.locator('[role="status"]').first.inner_text()


def seconds_until_it_moves(demo, act):
    """Do something, and wait until the demo shows something else; None if it doesn't."""
    before, start = shown(demo), time.perf_counter()
    act()
    while time.perf_counter() - start < PATIENCE:
        if shown(demo) != before:
            return time.perf_counter() - start
        time.sleep(0.005)
    return None


def by_keyboard(kind, control):
    """Ways to move a control without a pointer, to be tried in turn: it may stand at an end."""
    if kind in ("switch", "button"):
        return [lambda: control.press("Space")]
    keys = ("ArrowRight", "ArrowLeft") if kind == "slider" else ("ArrowDown", "ArrowUp")
    return [lambda key=key: control.press(key) for key in keys]


def by_pointer(kind, control):
    """Ways to move a control with a pointer, to be tried in turn."""
    if kind in ("switch", "button"):
        return [control.click]
    if kind == "slider":
        return [lambda share=share: _click_track(control, share) for share in (0.9, 0.1, 0.5)]
    return [lambda place=place: control.select_option(index=place) for place in (1, 0)]


def _click_track(handle, share):
    track = handle.locator("xpath=ancestor::*[contains(@class, 'noUi-base')]")
    track.scroll_into_view_if_needed()
    box = track.bounding_box()
    track.click(position={"x": share * box["width"], "y": box["height"] / 2}, force=True)


def move(demo, ways):
    """Seconds until the first of these ways has moved the demo; None if none has."""
    for way in ways:
        seconds = seconds_until_it_moves(demo, way)
        if seconds is not None:
            return seconds
    return None


def controls_of(demo):
    """Every control that a demo shows, with its kind; of many buttons in one grid the first and the last."""
    for kind, selector in KINDS.items():
        controls = [each for each in demo.locator(selector).all() if each.is_visible() and each.is_enabled()]
        for control in controls[:: max(1, len(controls) - 1)] if kind == "button" else controls:
            yield kind, control
