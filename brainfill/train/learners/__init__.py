"""Registry of learners: what can be trained, and from which data.

A learner module defines

- FAMILIES, the registry whose families it trains, such as "brainfill.models";
- DATA, the kinds of packed data it learns from;
- USUAL, whether it is the one for those families and data unless another is named;
- Config, a LoopConfig with the settings of its own;
- read(), which opens the data, and build(), which makes a Learner.
"""
