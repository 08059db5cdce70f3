namespace Fathom.BuiltinModel.Corpus;

/// <summary>
/// The corpus: document i of a seed is always the same, whatever was drawn before. Held-out text is another seed's documents, so the
/// sentences' patterns are shared with training while the stories are not.
/// </summary>
/// <remarks>
/// The first <see cref="OpeningDocuments"/> are mostly short texts with questions: looking things up in the context is learned from them in
/// a fraction of the tokens that whole stories would take.
/// </remarks>
internal sealed class CorpusGenerator(ulong seed)
{
    public const long OpeningDocuments = 12_000;

    // Where each kind of document ends on the line from 0 to 1; long conversations take what is left.
    private static readonly (double Plain, double Given, double Moves, double Facts, double Told, double Talk) s_opening = (0.03, 0.09, 0.19, 0.69, 0.74, 1.0);
    private static readonly (double Plain, double Given, double Moves, double Facts, double Told, double Talk) s_body = (0.08, 0.37, 0.45, 0.58, 0.77, 0.97);

    private static readonly string[] s_systems =
    [
        "You are a helpful assistant.", "You are a friendly assistant.", "You are Fathom's built-in model.", "You tell stories.", "Answer briefly.", "You are a helpful AI assistant.", "Be kind and short.",
    ];

    public Document Draw(long index)
    {
        var random = SeededRandom.ForIndex(seed, index);
        double kind = random.NextDouble();
        (double plain, double given, double moves, double facts, double told, double talk) = index < OpeningDocuments ? s_opening : s_body;
        if (kind < plain)
            return Document.Plain(StoryBook.Draw(random).Text);

        var messages = new List<ChatMessage>();
        if (random.Chance(0.15))
            messages.Add(new ChatMessage("system", random.Pick(s_systems)));
        if (kind < given)
            AboutGivenStory(messages, StoryBook.Draw(random), random);
        else if (kind < moves)
            AboutGivenStory(messages, StoryBook.DrawMoves(random), random);
        else if (kind < facts)
            AboutGivenStory(messages, StoryBook.DrawFacts(random), random);
        else if (kind < told)
            ToldStory(messages, random);
        else if (kind < talk)
            Talk(messages, random, 2 + random.Next(5));
        else
            Long(messages, random);
        return Document.Chat(messages);
    }

    /// <summary>The user gives a story and asks about it.</summary>
    private static void AboutGivenStory(List<ChatMessage> messages, Story story, SeededRandom random)
    {
        List<Exchange> questions = Questions(story, random, 4 + random.Next(4));
        string first = random.Next(6) switch
        {
            0 => $"Read this story:\n\n{story.Text}\n\n{questions[0].User}",
            1 => $"{story.Text}\n\nQuestion: {questions[0].User}",
            2 => $"Here is a story. {story.Text}\n\n{questions[0].User}",
            3 => $"Story: {story.Text}\n\nQuestion: {questions[0].User}",
            4 => $"{story.Text} {questions[0].User}",
            _ => $"{story.Text}\n\n{questions[0].User}",
        };
        Add(messages, new Exchange(first, questions[0].Assistant));
        foreach (Exchange exchange in questions.Skip(1))
            Add(messages, exchange);
    }

    /// <summary>The user asks for a story, then asks about what was told.</summary>
    private static void ToldStory(List<ChatMessage> messages, SeededRandom random)
    {
        if (random.Chance(0.2))
            Add(messages, SmallTalk.Greeting(random));
        Story story = StoryBook.Draw(random);
        Add(messages, new Exchange(Wish(story, random), story.Text));
        int asked = random.Next(4);
        if (asked > 0)
        {
            foreach (Exchange exchange in Questions(story, random, asked))
                Add(messages, exchange);
        }

        if (random.Chance(0.15))
            Add(messages, new Exchange(random.Pick(["Thank you!", "Nice story!", "Thanks!"]), "You are welcome!"));
    }

    private static string Wish(Story story, SeededRandom random)
    {
        string topic = random.Pick(story.Topics);
        return random.Next(12) switch
        {
            0 => random.Pick(["Tell me a story.", "Tell me a story!", "Please tell me a story.", "tell me a story", "Write a story.", "Can you tell me a story?", "I want to hear a story.", "Write a short story.", "Tell me a short story."]),
            1 or 2 or 3 => $"Tell me a story about {topic}.",
            4 => $"Write a story about {topic}.",
            5 => $"Write a short story about {topic}.",
            6 => $"Can you tell me a story about {topic}?",
            7 => $"Please tell me a story about {topic}.",
            8 => $"I would like to hear a story about {topic}.",
            9 => $"Tell me a short story about {topic}.",
            10 => $"A story about {topic}, please.",
            _ => $"tell me a story about {topic}",
        };
    }

    private static void Talk(List<ChatMessage> messages, SeededRandom random, int exchanges)
    {
        string? name = null;
        for (int i = 0; i < exchanges; i++)
        {
            double kind = random.NextDouble();
            Exchange exchange;
            if (name is null && i == 0 && random.Chance(0.2))
            {
                name = World.DrawPerson(random).Name;
                exchange = SmallTalk.Introduction(random, name);
            }
            else if (name is not null && random.Chance(0.3))
            {
                exchange = SmallTalk.NameAsked(random, name);
            }
            else
            {
                exchange = kind < 0.35 ? SmallTalk.Draw(random) : kind < 0.8 ? Knowledge.Draw(random) : OutsideWorld.Draw(random);
            }

            Add(messages, exchange);
        }
    }

    /// <summary>A long conversation, so that the whole context is used in training.</summary>
    private static void Long(List<ChatMessage> messages, SeededRandom random)
    {
        for (int part = 0; part < 3; part++)
        {
            if (random.Chance(0.5))
                ToldStory(messages, random);
            else
                AboutGivenStory(messages, random.Chance(0.7) ? StoryBook.Draw(random) : StoryBook.DrawMoves(random), random);
            Talk(messages, random, 1 + random.Next(3));
        }
    }

    /// <summary>Different questions in random order, one wording each; now and then one that the story does not answer.</summary>
    private static List<Exchange> Questions(Story story, SeededRandom random, int count)
    {
        var left = story.Questions.ToList();
        var drawn = new List<Exchange>();
        for (int i = 0; i < count && left.Count > 0; i++)
        {
            int index = random.Next(left.Count);
            drawn.Add(new Exchange(random.Pick(left[index].Wordings), left[index].Answer));
            left.RemoveAt(index);
        }

        return drawn;
    }

    private static void Add(List<ChatMessage> messages, Exchange exchange)
    {
        messages.Add(new ChatMessage("user", exchange.User));
        messages.Add(new ChatMessage("assistant", exchange.Assistant));
    }
}
