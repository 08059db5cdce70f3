using System.Text.RegularExpressions;
using Fathom.BuiltinModel.Corpus;

namespace Fathom.BuiltinModel.Tests.Corpus;

public sealed partial class CorpusGeneratorTests
{
    [Fact]
    public void Draw_SameSeedAndIndex_SameDocument()
    {
        string Text(ulong seed, int index)
        {
            Document document = new CorpusGenerator(seed).Draw(index);
            return document.Text ?? string.Join('|', document.Messages.Select(m => m.Role + m.Content));
        }

        Assert.Equal(Text(3, 17), Text(3, 17));
        Assert.NotEqual(Text(3, 17), Text(3, 18));
        Assert.NotEqual(Text(3, 17), Text(4, 17));
    }

    [Fact]
    public void Draw_ThousandDocuments_AreWellFormed()
    {
        var corpus = new CorpusGenerator(5);
        for (int i = 0; i < 1000; i++)
        {
            Document document = corpus.Draw(i);
            foreach (string text in document.Messages.Select(m => m.Content).Append(document.Text ?? "Text."))
            {
                Assert.True(text.All(c => c is '\n' or (>= ' ' and <= '~')), text);
                Assert.False(BadText().IsMatch(text), text);
            }

            var spoken = document.Messages.Where(m => m.Role != "system").ToList();
            for (int m = 0; m < spoken.Count; m++)
                Assert.Equal(m % 2 == 0 ? "user" : "assistant", spoken[m].Role);
        }
    }

    [Fact]
    public void Story_ColourAsked_IsTheColourTold()
    {
        int asked = 0;
        for (int i = 0; i < 2000; i++)
        {
            Story story = StoryBook.Draw(SeededRandom.ForIndex(6, i));
            foreach (StoryQuestion question in story.Questions)
            {
                Match match = ColourQuestion().Match(question.Wordings[0]);
                if (!match.Success)
                    continue;
                string colour = question.Answer.TrimEnd('.').Split(' ')[^1];
                Assert.Contains($"{colour} {match.Groups[1].Value}", story.Text, StringComparison.Ordinal);
                asked++;
            }
        }

        Assert.True(asked > 1000);
    }

    [Fact]
    public void Moves_Answers_AgreeWithAnIndependentReading()
    {
        for (int i = 0; i < 2000; i++)
        {
            Story story = StoryBook.DrawMoves(SeededRandom.ForIndex(7, i));
            Dictionary<string, string> places = Follow(story.Text);
            foreach (StoryQuestion question in story.Questions.Where(q => q.Wordings[0].StartsWith("Where is", StringComparison.Ordinal)))
            {
                string subject = question.Wordings[0]["Where is ".Length..].TrimEnd('?').Replace("the ", "", StringComparison.Ordinal);
                Assert.EndsWith($"in the {places[subject]}.", question.Answer, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void HeldOutStories_AreNotTrainingStories()
    {
        HashSet<string> training = [.. Enumerable.Range(0, 5000).Select(i => StoryBook.Draw(SeededRandom.ForIndex(1, i)).Text)];
        Assert.True(training.Count > 4990);
        Assert.All(Enumerable.Range(0, 200), i => Assert.DoesNotContain(StoryBook.Draw(SeededRandom.ForIndex(0xFEEDFACE, i)).Text, training));
    }

    /// <summary>Where everybody and everything is, read from the sentences alone.</summary>
    private static Dictionary<string, string> Follow(string text)
    {
        var places = new Dictionary<string, string>();
        var holders = new Dictionary<string, string>();
        foreach (string sentence in text.TrimEnd('.').Split(". "))
        {
            string[] words = sentence.Replace("Then ", "", StringComparison.Ordinal).Split(' ');
            string who = words[0], last = words[^1];
            if (sentence.Contains(" gave ", StringComparison.Ordinal))
            {
                holders[last] = words[2];
            }
            else if (MoveSentence().IsMatch(sentence))
            {
                places[who] = last;
            }
            else if (TakeSentence().IsMatch(sentence))
            {
                holders[last] = who;
            }
            else
            {
                string thing = sentence.EndsWith(" there", StringComparison.Ordinal) ? words[^2] : last;
                holders.Remove(thing);
            }

            foreach (var (thing, holder) in holders)
                places[thing] = places[holder];
        }

        return places;
    }

    [GeneratedRegex(@" (went|walked|came) to the | is in the ")]
    private static partial Regex MoveSentence();

    [GeneratedRegex(@" (took|picked up|has) the ")]
    private static partial Regex TakeSentence();

    [GeneratedRegex(@"^What colour was the (\w+)\?$")]
    private static partial Regex ColourQuestion();

    // Doubled words or spaces, a wrong article, a sentence in lower case, leftovers of templates.
    [GeneratedRegex(@"\b(\w+) \1\b(?<!that that)|(?<!\n)  |\b[Aa] [aeio][a-z]|\b[Aa]n (?!hour)[^aeiou\W]|[a-z][.!?] [a-z]|[{}]|\.\.")]
    private static partial Regex BadText();
}
