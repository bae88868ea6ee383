import pytest

from attend.errors import AttendError
from attend.registry import Registry


@pytest.fixture
def shapes():
    registry = Registry("shape")

    @registry.register("square")
    class Square:
        pass

    registry.register("circle")(len)
    return registry


def test_it_is_a_mapping_in_order_of_registration(shapes):
    assert list(shapes) == ["square", "circle"]
    assert len(shapes) == 2
    assert "circle" in shapes
    assert "cube" not in shapes
    assert shapes["circle"] is len
    assert shapes["square"].__name__ == "Square"


def test_an_unknown_name_is_refused_with_the_known_ones(shapes):
    with pytest.raises(AttendError, match=r"^shape: 'cube' is unknown; it must be one of square, circle$"):
        shapes["cube"]


def test_a_name_taken_twice_is_refused(shapes):
    with pytest.raises(ValueError, match="shape 'circle' is registered twice"):
        shapes.register("circle")(max)
