namespace Fathom.BuiltinModel;

/// <summary>What a finished model is asked, for a person to read. Written by hand; the corpus has none of these stories.</summary>
internal static class Samples
{
    private const string Story =
        "There was once a girl named Ella. It was a windy Sunday morning. Ella had a red hat that her uncle had given her. "
        + "Ella went to the park with her friend Ben. Suddenly a strong wind took the hat. Ella was very sad. "
        + "They looked behind a tall tree, but it was not there. At last Ben found it under the old bench. Ella was happy again.";

    public static IReadOnlyList<string> Questions { get; } =
    [
        "Hello!",
        "Who are you?",
        "Tell me a story about a fox.",
        "Write a short story about a birthday.",
        $"{Story}\n\nWhere was the hat?",
        $"{Story}\n\nWhat colour was the hat?",
        $"{Story}\n\nWho found the hat?",
        $"{Story}\n\nWhy was Ella sad?",
        "Tom has a green kite. Mia is in the garden. Where is Mia?",
        "How many legs does a duck have?",
        "What is three plus four?",
        "What is the capital of Spain?",
    ];
}
