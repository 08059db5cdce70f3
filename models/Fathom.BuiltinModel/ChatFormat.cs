using Fathom.BuiltinModel.Corpus;
using Fathom.BuiltinModel.Tokenizer;

namespace Fathom.BuiltinModel;

/// <summary>How a document becomes tokens; conversations as the chat template stored in the GGUF lays them out.</summary>
internal static class ChatFormat
{
    public const string MessageStart = "<|im_start|>";
    public const string MessageEnd = "<|im_end|>";
    public const string TextEnd = "<|endoftext|>";

    /// <summary>The Jinja template that the GGUF carries.</summary>
    public const string Template =
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    /// <summary>Control tokens in the order of their ids.</summary>
    public static IReadOnlyList<string> Specials { get; } = [TextEnd, MessageStart, MessageEnd];

    /// <summary>Tokens of a document, and for each whether predicting it is part of an answer.</summary>
    public static (List<int> Tokens, List<bool> IsAnswer) Encode(Document document, BytePairVocabulary vocabulary)
    {
        var tokens = new List<int>();
        var isAnswer = new List<bool>();
        void Mark(bool answer)
        {
            while (isAnswer.Count < tokens.Count)
                isAnswer.Add(answer);
        }

        if (document.Text is not null)
        {
            vocabulary.Encode(document.Text, tokens);
            tokens.Add(vocabulary.Special(TextEnd));
            Mark(false);
            return (tokens, isAnswer);
        }

        foreach (ChatMessage message in document.Messages)
        {
            tokens.Add(vocabulary.Special(MessageStart));
            vocabulary.Encode(message.Role + "\n", tokens);
            Mark(false);
            vocabulary.Encode(message.Content, tokens);
            tokens.Add(vocabulary.Special(MessageEnd));
            Mark(message.Role == "assistant");
            vocabulary.Encode("\n", tokens);
            Mark(false);
        }

        return (tokens, isAnswer);
    }
}
