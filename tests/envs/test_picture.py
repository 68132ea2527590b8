"""`render_mode="rgb_array"`: pictures of turns, all of one size, and videos of them."""

import gymnasium
import numpy as np
import pytest

import medenv
from medenv.envs.picture import HEIGHT, WIDTH, picture

assert medenv.ENV_IDS
pytest.importorskip("PIL", reason="pictures need the extra video")

PAPER = (250, 250, 247)


def ink(frame):
    """Where a picture isn't paper."""
    return (frame != PAPER).any(axis=2)


@pytest.mark.parametrize(
    "text", ["", "a", "[user]\nGET Patient", "é漢\ud800\x00\x1b[31m", "W" * 10_000, "line\n" * 5_000, "\t|\r\n|\f|"]
)
def test_every_text_is_a_picture_of_one_size(text):
    frame = picture(text)
    assert frame.shape == (HEIGHT, WIDTH, 3)
    assert frame.dtype == np.uint8
    assert not ink(frame)[:8].any()  # nothing at the edge


def test_other_texts_are_other_pictures_and_equal_ones_equal():
    assert (picture("GET Patient") == picture("GET Patient")).all()
    assert ink(picture("GET Patient")).any()
    assert (picture("GET Patient") != picture("GET Observation")).any()


def test_what_has_no_room_is_told():
    short, long = picture("line\n" * 30), picture("line\n" * 300)
    last = slice(HEIGHT - 40, HEIGHT)
    assert not ink(short)[last].any()
    assert ink(long)[last].any()


@pytest.mark.parametrize("id", ["MedAgentBench-v0", "MedAgentBench-Structured-v0"])
def test_an_environment_draws_its_last_turn(id):
    env = gymnasium.make(id, split="builtin", render_mode="rgb_array")
    env.reset(seed=1)
    first = env.render()
    env.step("GET Patient?_count=1" if id == "MedAgentBench-v0" else 26)
    assert (env.render() != first).any()
    env.close()


def test_a_video_of_an_episode(tmp_path):
    pytest.importorskip("moviepy", reason="videos need the extra video")
    env = gymnasium.make("MedAgentBench-v0", split="builtin", render_mode="rgb_array")
    env = gymnasium.wrappers.RecordVideo(env, str(tmp_path), disable_logger=True)
    env.reset(seed=1)
    env.step("GET Patient?_count=1")
    env.step("FINISH([])")
    env.close()
    (video,) = tmp_path.glob("*.mp4")
    assert video.stat().st_size > 1000
