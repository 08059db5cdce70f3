using System.Text;

namespace Fathom.BuiltinModel.Corpus;

/// <summary>A question about a story, in the ways one may ask it, with its answer.</summary>
internal sealed record StoryQuestion(IReadOnlyList<string> Wordings, string Answer);

/// <summary>A story under construction and what can be asked about it. One thread, one story.</summary>
internal sealed class Story(SeededRandom random)
{
    private readonly StringBuilder _text = new();
    private readonly List<StoryQuestion> _questions = [];
    private readonly List<string> _topics = [];

    public SeededRandom Random { get; } = random;

    public string Text => _text.ToString();

    public IReadOnlyList<StoryQuestion> Questions => _questions;

    /// <summary>What the story is about, as it reads after "a story about".</summary>
    public IReadOnlyList<string> Topics => _topics;

    /// <summary>One sentence about the whole; empty where the plot gives none.</summary>
    public string Summary { get; private set; } = "";

    /// <summary>Adds one of the wordings, which all mean the same.</summary>
    public void Say(params IReadOnlyList<string> wordings)
    {
        if (_text.Length > 0 && _text[^1] != '\n')
            _text.Append(' ');
        _text.Append(English.Sentence(Random.Pick(wordings)));
    }

    /// <summary>Adds a sentence now and then.</summary>
    public void Maybe(double probability, params IReadOnlyList<string> wordings)
    {
        if (Random.Chance(probability))
            Say(wordings);
    }

    public void Paragraph() => _text.Append("\n\n");

    public void Topic(string topic) => _topics.Add(topic);

    public void SummedUpAs(string summary)
    {
        Summary = English.Sentence(summary);
        Ask(Summary, "What is the story about?", "What happens in the story?", "Can you sum up the story?", "Tell me in one sentence what happened.");
    }

    /// <summary>Adds a question that the text answers.</summary>
    public void Ask(string answer, params IReadOnlyList<string> wordings) => _questions.Add(new StoryQuestion(wordings, English.Sentence(answer)));

    /// <summary>Adds a yes-or-no question: half the time the right thing is asked for, half the time another.</summary>
    /// <param name="fact">The true statement, without a full stop.</param>
    /// <param name="right">What makes it true.</param>
    /// <param name="others">What may stand in its place.</param>
    /// <param name="question">Gives the question for the right thing or for another.</param>
    public void AskYesNo(string fact, string right, IReadOnlyList<string> others, Func<string, string> question)
    {
        string asked = right;
        if (Random.Chance(0.5))
        {
            while (asked == right)
                asked = Random.Pick(others);
        }

        Ask($"{(asked == right ? "Yes" : "No")}, {fact}.", question(asked));
    }
}
