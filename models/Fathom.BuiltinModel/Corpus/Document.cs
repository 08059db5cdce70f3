namespace Fathom.BuiltinModel.Corpus;

/// <summary>One message of a conversation.</summary>
internal readonly record struct ChatMessage(string Role, string Content);

/// <summary>One training document: plain text, or a conversation.</summary>
internal sealed record Document(string? Text, IReadOnlyList<ChatMessage> Messages)
{
    public static Document Plain(string text) => new(text, []);

    public static Document Chat(IReadOnlyList<ChatMessage> messages) => new(null, messages);
}
