"""One transformer over the patches of an image and the words of its caption, with masks on both.

The idea that two models share: Amanpreet Singh et al.: FLAVA: A Foundational Language And Vision Alignment Model. CVPR
2022, section 3.3, "masked multimodal modeling" (words and patches of a pair are hidden together); Junyang Lin et al.:
M6: A Chinese Multimodal Pretrainer. KDD 2021, section 4 (patches and words go through one transformer, in which
everybody looks at everybody).

Otherwise than in the papers: no encoder of its own for either modality (FLAVA has two before the common one); hidden
patches are predicted as pixels (FLAVA: as codes of a codebook; M6 predicts words only); no contrastive loss, and no
question whether image and text belong together.
"""

import torch
from torch import Tensor, nn

from ssl_course.methods.mae import masked_mse, patchify
from ssl_course.methods.masked_words import mask_words, masked_cross_entropy
from ssl_course.parallel import weighed
from ssl_course.vit import VisionTransformer, kept_places

SPECIAL, PAD, MASK = 4, 0, 1  # of `vocabulary`: the first tokens that are no words, and two of them


def hide_patches(tokens: Tensor, ratio: float, stand_in: Tensor) -> tuple[Tensor, Tensor]:
    """Put `stand_in`, one for each place (L, D), instead of `ratio` of the tokens (B, L, D), drawn anew for each image.

    Returns:
        the tokens (B, L, D), and which are hidden, bool (B, L): equally many of each image, rounded.
    """
    count, length = tokens.shape[:2]
    rank = torch.rand(count, length, device=tokens.device).argsort(dim=1).argsort(dim=1)
    hidden = rank < round(ratio * length)
    return torch.where(hidden.unsqueeze(2), stand_in.to(tokens.dtype), tokens), hidden


class MaskedPair(nn.Module):
    """Patches and words as one sequence: tell the hidden words, and paint the hidden patches, from all the others.

    Args:
        encoder: a `VisionTransformer`; its blocks read the words, too. By itself it encodes images without captions.
        words: how many tokens the vocabulary has.
        length: of the longest caption.
        share: of the words that is hidden, each by itself, in (0, 1]; spoilt by the rule of `mask_words`.
        ratio: of the patches that is hidden, in [0, 1).
        weight: of the patches' loss beside the words'.

    Raises:
        ValueError: if the encoder isn't a VisionTransformer, or share, ratio or weight is out of range.
    """

    uses_labels, labels_are = True, "captions (train on pairs.Pairs)"

    def __init__(
        self,
        encoder: VisionTransformer,
        words: int,
        length: int,
        *,
        share: float = 0.3,
        ratio: float = 0.25,
        weight: float = 1.0,
    ):
        super().__init__()
        if not isinstance(encoder, VisionTransformer):
            raise ValueError(
                f"words go beside patches, so the encoder must be a VisionTransformer, got {type(encoder)}"
            )
        if not 0 < share <= 1:
            raise ValueError(f"share must be in (0, 1], got {share}")
        if not 0 <= ratio < 1 or weight < 0:
            raise ValueError(f"ratio must be in [0, 1) and weight not negative, got {ratio} and {weight}")
        self.encoder, self.words, self.share, self.ratio, self.weight = encoder, words, share, ratio, weight
        width = encoder.dim
        self.embed = nn.Embedding(words, width)
        self.places = nn.Parameter(0.1 * torch.randn(length, width))
        self.stand_in = nn.Parameter(0.02 * torch.randn(width))  # of a hidden patch; its place is added
        self.tell = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width), nn.Linear(width, words))
        self.paint = nn.Linear(width, 3 * encoder.patch**2)
        nn.init.normal_(self.embed.weight, std=0.1)

    def views(self, images: Tensor) -> tuple[Tensor]:
        return (images,)

    def read(self, images: Tensor, captions: Tensor, ratio: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
        """All tokens through all blocks: states of patches (B, L, D) and words (B, T, D), and hidden patches (B, L)."""
        if captions.ndim != 2 or captions.shape[1] > len(self.places):
            got = tuple(captions.shape)
            raise ValueError(f"captions must be tokens (B, T), T at most {len(self.places)}, got {got}: train on Pairs")
        patches = self.encoder.tokens(images)  # (B, L, D), each with its place
        rows, columns = (side // self.encoder.patch for side in images.shape[2:])
        where = kept_places(rows, columns, patches.shape[2], patches.device, patches.dtype)  # (L, D)
        patches, hidden = hide_patches(patches, ratio, self.stand_in + where)
        words = self.embed(captions) + self.places[: captions.shape[1]]  # (B, T, D)
        real = torch.cat([torch.ones_like(hidden), captions != PAD], dim=1)  # (B, L + T): nobody looks at padding
        x = torch.cat([patches, words], dim=1)
        for block in self.encoder.blocks:
            x = block(x, real[:, None, None])
        x = self.encoder.norm(x)
        return x[:, : hidden.shape[1]], x[:, hidden.shape[1] :], hidden

    def logits(self, images: Tensor, captions: Tensor) -> Tensor:
        """The network's opinion of each word, with all patches to look at: (B, T, words)."""
        return self.tell(self.read(images, captions)[1])

    def forward(self, images: Tensor, captions: Tensor) -> Tensor:
        spoilt, chosen = mask_words(captions, share=self.share, mask=MASK, special=SPECIAL, vocabulary=self.words)
        patches, words, hidden = self.read(images, spoilt, self.ratio)
        loss = weighed(masked_cross_entropy(self.tell(words), captions, chosen), chosen.sum())
        count = round(self.ratio * hidden.shape[1])
        if count == 0 or self.weight == 0:
            return loss
        target = patchify(images, self.encoder.patch)
        return loss + self.weight * masked_mse(self.paint(patches), target, hidden, count=count)


@torch.no_grad()
def told(method: MaskedPair, images: Tensor, captions: Tensor, hidden: Tensor) -> Tensor:
    """How likely each word is where words are hidden: probabilities (M, words), a row for each of the M hidden words.

    Args:
        images: uint8 (N, 3, H, W).
        captions: tokens (N, T), as they are: the hidden ones are hidden here.
        hidden: bool (N, T).
    """
    method.eval()
    spoilt = torch.where(hidden, MASK, captions)
    parts = zip(images.split(500), spoilt.split(500), hidden.split(500), strict=True)
    found = [method.logits(some.float() / 255, words)[chosen] for some, words, chosen in parts]
    return torch.cat(found).softmax(dim=1)
