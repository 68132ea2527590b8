"""A tiny language model made on the spot: a tokenizer trained on some conversations, and a Llama that has learnt them by heart.

For tests of whatever loads, serves or trains a model: there is no network, and half a minute on two cores makes one that really plays.
"""

import json
from pathlib import Path

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")

CHAT_TEMPLATE = """\
{%- if tools %}{{ '<|im_start|>system\\n' + (tools | tojson) + '<|im_end|>\\n' }}{% endif %}
{%- for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}
{%- if message['role'] == 'assistant' %}{% generation %}{{ message['content'] or '' }}
{%- for call in message['tool_calls'] or [] %}
{{- '<tool_call>\\n' + ({'name': call['function']['name'], 'arguments': call['function']['arguments']} | tojson) + '\\n</tool_call>' }}
{%- endfor %}{{ '<|im_end|>' }}{% endgeneration %}{{ '\\n' }}
{%- else %}{{ message['content'] + '<|im_end|>\\n' }}{% endif %}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""
"""ChatML, with calls as <tool_call>JSON</tool_call>; the assistant's own tokens are marked, for losses on them alone."""


def make_tiny_model(
    folder, conversations, tools=(), *, steps=0, size=64, layers=2, vocabulary=2048, context=8192, seed=0
):
    """Make a model and its tokenizer and save both to a folder, as `from_pretrained` and servers take it.

    Args:
        folder: Made if need be.
        conversations: Lists of messages in OpenAI's form, which the tokenizer is trained on and the model learns.
        tools: The functions that the model is told of, if any.
        steps: Most passes over all of it; training ends sooner once every reply is known by heart. 0 leaves the weights random.
        size: Width of the model; a multiple of 32.
        layers: Of the model.
        vocabulary: Most tokens.
        context: Longest sequence, in tokens.
        seed: Of the weights.

    Returns:
        The folder; that all replies are known by heart is asserted if `steps` isn't 0.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    chats = [spoken(one) for one in conversations]
    tokenizer = _tokenizer(chats, tools, vocabulary, context)
    end, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=size,
        intermediate_size=2 * size,
        num_hidden_layers=layers,
        num_attention_heads=size // 32,
        num_key_value_heads=size // 32,
        max_position_embeddings=context,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=pad,
        tie_word_embeddings=False,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
        if steps:
            _learn(model, [_example(tokenizer, one, tools) for one in chats], steps)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def to_gguf(folder):
    """Write a made model once more as ``model.gguf`` in its folder, for llama.cpp; returns the file."""
    import gguf
    import torch
    from safetensors.torch import load_file

    folder = Path(folder)
    config = json.loads((folder / "config.json").read_text())
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]
    heads = config["num_attention_heads"]
    out = gguf.GGUFWriter(folder / "model.gguf", "llama")
    out.add_context_length(config["max_position_embeddings"])
    out.add_embedding_length(config["hidden_size"])
    out.add_block_count(config["num_hidden_layers"])
    out.add_feed_forward_length(config["intermediate_size"])
    out.add_head_count(heads)
    out.add_head_count_kv(heads)
    out.add_layer_norm_rms_eps(config["rms_norm_eps"])
    out.add_rope_dimension_count(config["hidden_size"] // heads)
    out.add_vocab_size(config["vocab_size"])
    tokens = sorted(vocabulary["vocab"], key=vocabulary["vocab"].get)
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("gpt-2")
    out.add_token_list(tokens)
    out.add_token_types([gguf.TokenType.CONTROL if one in SPECIAL else gguf.TokenType.NORMAL for one in tokens])
    out.add_token_merges([" ".join(one) for one in vocabulary["merges"]])
    out.add_eos_token_id(config["eos_token_id"])
    out.add_pad_token_id(config["pad_token_id"])
    out.add_add_bos_token(False)
    out.add_chat_template(CHAT_TEMPLATE.replace("{% generation %}", "").replace("{% endgeneration %}", ""))
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    for name, weight in load_file(folder / "model.safetensors").items():
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            # llama.cpp turns neighbouring numbers of a head by the same angle, transformers those half a head apart.
            halves = weight.reshape(heads, 2, -1, weight.shape[1])
            weight = halves.transpose(1, 2).reshape(weight.shape)
        out.add_tensor(names.get_name(name, (".weight",)), weight.to(torch.float32).contiguous().numpy())
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return folder / "model.gguf"


def spoken(messages):
    """Messages as chat templates want them: the arguments of calls as objects."""
    spoken = json.loads(json.dumps(messages))
    for message in spoken:
        for call in message.get("tool_calls") or ():
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    return spoken


def _tokenizer(chats, tools, vocabulary, context):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bare = Tokenizer(models.BPE())
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    texts = [json.dumps(list(tools))] + [json.dumps(one, ensure_ascii=False) for one in chats]
    texts += [message["content"] or "" for one in chats for message in one]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bare.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bare,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=context,
        chat_template=CHAT_TEMPLATE,
    )


def _example(tokenizer, chat, tools):
    """Ids of a conversation, and whether each is the assistant's."""
    encoded = tokenizer.apply_chat_template(
        chat, tools=list(tools) or None, return_dict=True, return_assistant_tokens_mask=True
    )
    return encoded["input_ids"], encoded["assistant_masks"]


def _learn(model, examples, steps):
    """Train until the likeliest token is the right one, by a margin, throughout every reply."""
    import torch

    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, 1.0, 10)
    order = sorted(range(len(examples)), key=lambda one: len(examples[one][0]))
    batches = [order[start : start + 5] for start in range(0, len(order), 5)]
    for _ in range(steps):
        surest = 0.0
        for batch in batches:
            ids, labels, mask = _padded([examples[one] for one in batch])
            logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1]
            losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels[:, 1:], reduction="none")
            optimizer.zero_grad()
            (losses.sum() / (labels[:, 1:] >= 0).sum()).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            surest = max(surest, float(losses.detach().max()))
        if surest < 0.05:
            break
    model.eval()
    assert surest < 0.05, f"not learnt by heart: a token of a reply has still a loss of {surest:.3f}"


def _padded(examples):
    import torch

    length = max(len(ids) for ids, _ in examples)
    ids, labels, mask = (torch.full((len(examples), length), fill) for fill in (0, -100, 0))
    for row, (tokens, own) in enumerate(examples):
        known = torch.tensor(tokens)
        ids[row, : len(tokens)] = known
        mask[row, : len(tokens)] = 1
        labels[row, : len(tokens)] = torch.where(torch.tensor(own) == 1, known, -100)
    return ids, labels, mask
