"""Small models with random weights, as Sentence Transformers saves them; needs torch."""

from __future__ import annotations

from pathlib import Path

from test_encoder import WORDS


def saved(folder: Path) -> tuple[Path, Path]:
    """An encoder with prompts, and a cross-encoder with one number."""
    from sentence_transformers import CrossEncoder, SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        BertModel,
        PreTrainedTokenizerFast,
    )

    words = ["[PAD]", *WORDS, "after", "a", "fall"]
    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, "[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    marks = [(mark, words.index(mark)) for mark in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=marks
    )
    named = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep")}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=32, **named)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(
        vocab_size=len(words), intermediate_size=16, max_position_embeddings=32, **sizes
    )
    plain = folder / "plain"
    BertModel(config).save_pretrained(plain)
    tokenizer.save_pretrained(plain)
    prompts = {"query": "fever ", "document": "knee "}
    whole = SentenceTransformer(
        modules=[Transformer(str(plain)), Pooling(16, "cls")], prompts=prompts
    )
    whole.save_pretrained(str(folder / "encoder"))
    config.num_labels = 1
    BertForSequenceClassification(config).save_pretrained(folder / "head")
    tokenizer.save_pretrained(folder / "head")
    CrossEncoder(str(folder / "head")).save_pretrained(str(folder / "pairs"))
    return folder / "encoder", folder / "pairs"
