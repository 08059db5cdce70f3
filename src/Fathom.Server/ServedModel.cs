using Fathom.Models.ChatTemplates;
using Fathom.Models.Tokenization;
using Fathom.Serving.Engine;

namespace Fathom.Server;

/// <summary>A model that the server offers: its names, its engine, its tokenizer and its chat template.</summary>
/// <remarks>Immutable; any thread may read it. Engine and tokenizer stay the caller's and must outlive the server.</remarks>
public sealed class ServedModel
{
    private const int NameCharsMax = 200;

    private readonly Lazy<int> _tokenBytesMax;

    /// <summary>Describes a model to serve.</summary>
    /// <param name="name">The id in /v1/models and the <c>model</c> field.</param>
    /// <param name="engine">Runs the requests.</param>
    /// <param name="tokenizer">The model's tokenizer, the one that the engine decodes with.</param>
    /// <param name="chatTemplate">Null for a model without one: it then serves completions, not chats.</param>
    /// <param name="aliases">Further names that requests may use.</param>
    /// <exception cref="ServerOptionsException">A name is empty, too long, or has control characters.</exception>
    public ServedModel(string name, ServingEngine engine, Tokenizer tokenizer, ChatTemplate? chatTemplate, IReadOnlyList<string>? aliases = null)
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(tokenizer);
        Name = CheckName("model-name", name);
        Aliases = [.. (aliases ?? []).Select(alias => CheckName("model-alias", alias))];
        Engine = engine;
        Tokenizer = tokenizer;
        ChatTemplate = chatTemplate;
        _tokenBytesMax = new Lazy<int>(LongestToken);
    }

    /// <summary>The id in /v1/models.</summary>
    public string Name { get; }

    /// <summary>Further names that requests may use.</summary>
    public IReadOnlyList<string> Aliases { get; }

    /// <summary>Runs the requests.</summary>
    public ServingEngine Engine { get; }

    /// <summary>The model's tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>The model's chat template, if it has one.</summary>
    public ChatTemplate? ChatTemplate { get; }

    /// <summary>
    /// A text with more UTF-16 units than this cannot fit the context, so it is refused before it costs tokenisation. Every
    /// unit is at least one byte and a token is at most so many; the factor covers normalisers that shrink a text.
    /// </summary>
    internal long PromptCharsMax => 1024 + (4L * Engine.ContextLength * _tokenBytesMax.Value);

    internal bool IsNamed(string name) => Name == name || Aliases.Contains(name, StringComparer.Ordinal);

    private int LongestToken()
    {
        var longest = 1;
        for (var token = 0; token < Tokenizer.VocabularySize; token++)
            longest = Math.Max(longest, Math.Max(Tokenizer.TokenBytes(token).Length, Tokenizer.IsControl(token) ? Tokenizer.TokenText(token).Length : 0));
        return longest;
    }

    private static string CheckName(string option, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Length is > 0 and <= NameCharsMax && !name.Any(char.IsControl)
            ? name
            : throw new ServerOptionsException(option, name, "1 to 200 characters without control characters");
    }
}
