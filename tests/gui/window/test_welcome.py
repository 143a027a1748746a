"""The welcome page: templates, search, kinds, themes, and not being shown."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from studio.gui import template_pictures
from studio.gui.theme import Theme
from studio.gui.welcome_cards import TemplateCard, two_lines, when
from studio.storage import templates


def _shown(window) -> list[str]:
    return [c.template.name for c in window.welcome.cards if c.isVisible()]


def test_search_and_kind_filter_the_cards(make_studio):
    window = make_studio()
    page = window.welcome
    QTest.keyClicks(page.search, "digits conv")
    assert "digits-convnet" in _shown(window)
    assert "iris" not in _shown(window)
    page.search.clear()
    where = page.kinds.segment(page._kinds.index("Table")).center().toPoint()
    QTest.mouseClick(page.kinds, Qt.MouseButton.LeftButton, pos=where)
    assert _shown(window) == ["iris", "table-classes", "table-values"]


def test_a_card_says_how_well_its_network_does(make_studio):
    tips = {c.template.name: c.toolTip() for c in make_studio().welcome.cards}
    for entry in templates.templates():
        score = entry.score
        said = f"{score.kind.title} of at {'least' if score.kind.higher_is_better else 'most'} {score.written()}."
        assert tips[entry.name].startswith(entry.description)
        assert tips[entry.name].endswith(said)


def test_enter_in_the_search_opens_the_first(make_studio):
    window = make_studio()
    QTest.keyClicks(window.welcome.search, "spirals")
    QTest.keyClick(window.welcome.search, Qt.Key.Key_Return)
    assert window.session.document.title == "Two spirals"


def test_nothing_found_says_what_to_do(make_studio):
    window = make_studio()
    QTest.keyClicks(window.welcome.search, "zebra")
    assert _shown(window) == []
    assert window.welcome._nothing.isVisible()
    QTest.keyClick(window.welcome.search, Qt.Key.Key_Return)
    assert window.on_welcome_page


def test_the_theme_is_chosen_by_mouse_and_keys(make_studio):
    window = make_studio()
    themes = window.welcome.themes
    QTest.mouseClick(themes, Qt.MouseButton.LeftButton, pos=themes.segment(1).center().toPoint())
    assert Theme.instance().dark
    assert window.actions_by_key["theme_dark"].isChecked()
    themes.setFocus()
    QTest.keyClick(themes, Qt.Key.Key_Left)
    assert not Theme.instance().dark


def test_the_page_can_be_left_out_at_start(make_studio):
    window = make_studio()
    QTest.mouseClick(window.welcome.show_box, Qt.MouseButton.LeftButton, pos=window.welcome.show_box.rect().center() / 4)
    window.welcome.show_box.setChecked(False)
    assert window.close()
    assert not make_studio().on_welcome_page


def test_every_template_has_a_picture():
    numbers = template_pictures._numbers()
    for name in templates.names():
        assert any(key.startswith(f"{name}/") for key in numbers)


def test_a_card_can_be_reached_and_pressed_by_keys(make_studio):
    window = make_studio()
    card = window.welcome.cards[0]
    card.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(card, Qt.Key.Key_Return)
    assert not window.on_welcome_page


def test_two_lines_hold_what_fits(qapp):
    metrics = Theme.instance().font("small")
    from PySide6.QtGui import QFontMetrics

    lines = two_lines("One layer is not enough: four hidden neurons fold the plane " * 3, QFontMetrics(metrics), 200)
    assert len(lines) == 2
    assert lines[1].endswith("…")


def test_times_are_said_as_one_says_them():
    import time

    assert when(time.time()).startswith("Today")
    assert when(time.time() - 86_400) == "Yesterday"
    assert when(0) == "1 Jan 1970"


def test_a_double_click_on_a_card_only_opens_it(make_studio):
    window = make_studio()
    card = next(c for c in window.welcome.findChildren(TemplateCard) if c.template.name == "xor")
    QTest.mouseClick(card, Qt.MouseButton.LeftButton)
    assert not window.on_welcome_page
    view = window.workspace.canvas.view
    empty = QPoint(4, view.viewport().height() - 4)
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, empty)
    assert not window.workspace.canvas.search.isVisible()


def test_the_picture_of_one_template_is_made_again_beside_the_others(tmp_path):
    path = tmp_path / "pictures.npz"
    template_pictures.make(path, ["xor"])
    with np.load(path) as made, np.load(template_pictures.pictures_file()) as shipped:
        assert set(made.files) == set(shipped.files)
        assert made["xor/plane"].shape == shipped["xor/plane"].shape
        np.testing.assert_array_equal(made["iris/points"], shipped["iris/points"])
