"""Plays against a critic: a learner of two networks, for tests of what the trainer knows of learners.

After Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661, least squares as in https://arxiv.org/abs/1611.04076.
"""

from dataclasses import dataclass

import torch
from torch import nn

from brainfill.models._channels import channels
from brainfill.models._inpainter import Inpainter
from brainfill.train.config import TrainConfig
from brainfill.train.learners import inpaint
from brainfill.train.learners._base import Turn

FAMILIES, DATA, USUAL = "brainfill.models", ("",), False
Config = TrainConfig
read = inpaint.read
CRITIC_TURNS = 2


def build(model, config, pack):
    critic = nn.Sequential(
        nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.LeakyReLU(), nn.Conv3d(4, 1, 1)
    )
    return Adversarial(
        model=model,
        net=nn.ModuleDict({"painter": model.net, "critic": critic}),
        optimizers=[
            torch.optim.Adam(critic.parameters(), lr=2 * config.rate, betas=(0.5, 0.999)),
            torch.optim.Adam(model.net.parameters(), lr=config.rate, betas=(0.5, 0.999)),
        ],
        examples=inpaint.build(model, config, pack).examples,
    )


@dataclass(frozen=True)
class Adversarial:
    model: Inpainter
    net: nn.ModuleDict
    optimizers: list
    examples: object

    def turns(self, batch, rng):
        image, hole, first = batch["image"], batch["hole"], batch["first"]
        shown = channels(first, hole, self.model.config)
        noise = torch.from_numpy(rng.standard_normal(image.shape)).to(image) * hole
        critic = self.net["critic"]

        def painted():
            residual = self.model.net(torch.cat([noise, shown], dim=1), torch.zeros(len(image)))
            return first[:, :1] + residual.float() * hole

        def tells():
            with torch.no_grad():
                fake = painted()
            return (critic(image) ** 2).mean() + ((critic(fake) - 1) ** 2).mean()

        def convinces():
            return (critic(painted()) ** 2).mean()

        return [
            *[Turn(self.optimizers[0], tells, "critic")] * CRITIC_TURNS,
            Turn(self.optimizers[1], convinces, "painter"),
        ]

    def facts(self):
        return {"citation": "https://arxiv.org/abs/1406.2661"}
