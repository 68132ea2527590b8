"""Texts that orthopaedic referrals are to carry: situation, findings and request, put together at random.

Every text is plain prose without double quotes, so that an instruction can quote it.
"""

from __future__ import annotations

import random

__all__ = ["referral_text"]

_SIDES = ("left", "right")
_INJURIES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "knee",
        (
            "twisted the {side} knee while skiing",
            "felt a pop in the {side} knee at basketball",
            "slipped and struck the {side} knee",
        ),
        (
            "MRI shows a torn medial meniscus",
            "MRI shows a complete tear of the posterior cruciate ligament",
            "X-ray shows a patellar fracture",
        ),
    ),
    (
        "shoulder",
        (
            "fell on the {side} shoulder from a bicycle",
            "dislocated the {side} shoulder again",
            "cannot raise the {side} arm since a fall",
        ),
        (
            "MRI shows a full-thickness tear of the rotator cuff",
            "MRI shows a detached anterior labrum",
            "X-ray shows a displaced clavicle fracture",
        ),
    ),
    (
        "hip",
        (
            "has had pain in the {side} hip for months",
            "fell at home on the {side} hip",
            "limps with pain in the {side} groin",
        ),
        (
            "X-ray shows advanced osteoarthritis",
            "X-ray shows a valgus-impacted fracture of the femoral neck",
            "MRI shows necrosis of the femoral head",
        ),
    ),
    (
        "wrist",
        (
            "fell on the outstretched {side} hand",
            "was struck on the {side} wrist",
            "has numb fingers in the {side} hand since a fall",
        ),
        (
            "X-ray shows a displaced fracture of the distal radius",
            "CT shows a scaphoid fracture",
            "MRI shows a tear of the triangular cartilage",
        ),
    ),
    (
        "ankle",
        ("rolled the {side} ankle on a stair", "felt a snap behind the {side} heel", "landed badly on the {side} foot"),
        (
            "ultrasound shows a complete rupture of the Achilles tendon",
            "X-ray shows a bimalleolar fracture",
            "CT shows a fracture of the talus",
        ),
    ),
)
_STATES = (
    "Pain is controlled with acetaminophen.",
    "Distal pulses and sensation are intact.",
    "The patient takes no anticoagulant.",
    "The joint is swollen and its range of motion is limited.",
    "A splint was applied in the emergency department.",
)
_REQUESTS = (
    "Please assess for surgery and advise on weight bearing.",
    "Please see this week and advise on further treatment.",
    "Please review and take over the surgical planning.",
    "Please say whether conservative treatment will do.",
)


def referral_text(rng: random.Random) -> str:
    """Return a referral's free text."""
    joint, stories, findings = rng.choice(_INJURIES)
    story = rng.choice(stories).format(side=rng.choice(_SIDES))
    return (
        f"Reason: {joint} problem. Patient {story} {rng.randrange(2, 28)} days ago; {rng.choice(findings)}. "
        f"{rng.choice(_STATES)} {rng.choice(_REQUESTS)}"
    )
