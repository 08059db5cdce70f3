namespace Fathom.BuiltinModel.Corpus;

/// <summary>Questions that the small world has no answer to, and the plain admission.</summary>
internal static class OutsideWorld
{
    private const string Refusal = "I am sorry, I do not know that. I only know my small world of people, animals and stories.";

    private static readonly string[] s_places =
        "France Germany Italy Spain Japan China India Brazil Canada America England Russia Egypt Mexico Greece Sweden Norway Poland Kenya Peru Paris London Berlin Rome Madrid Tokyo Moscow New York Chicago Boston Texas California Africa Europe Asia Mars Jupiter".Split(' ');

    private static readonly string[] s_people =
        ["Albert Einstein", "Isaac Newton", "Napoleon", "Shakespeare", "Mozart", "Beethoven", "Cleopatra", "Julius Caesar", "George Washington", "Abraham Lincoln", "Marie Curie", "Darwin", "Plato", "Aristotle", "Picasso", "Leonardo da Vinci", "Alan Turing", "Bill Gates", "the president", "the king of England", "the pope"];

    private static readonly string[] s_subjects =
        ["quantum physics", "relativity", "gravity", "electricity", "photosynthesis", "evolution", "the stock market", "bitcoin", "inflation", "democracy", "the French Revolution", "the Second World War", "the Roman Empire", "machine learning", "neural networks", "artificial intelligence", "the internet", "computers", "databases", "Linux", "Kubernetes", "Docker", "HTTP", "TCP", "Python", "Java", "C#", "JavaScript", "Rust", "SQL", "calculus", "algebra", "geometry", "prime numbers", "the big bang", "black holes", "DNA", "viruses", "vaccines", "philosophy", "economics", "law", "chess", "football", "basketball", "the Olympics", "cars", "airplanes", "rockets", "satellites", "smartphones", "movies", "jazz", "opera", "politics", "climate change", "nuclear power", "transformers", "attention", "large language models", "GPUs", "memory", "distributed systems", "the moon landing", "volcanoes", "dinosaurs", "chemistry", "atoms", "cancer", "taxes"];

    private static readonly string[] s_tasks =
        ["Write a Python function that sorts a list.", "Write a program that prints prime numbers.", "Write a SQL query.", "Fix this bug.", "Translate this into German.", "Translate hello into French.", "Write an essay about freedom.", "Write an email to my boss.", "Solve x + 5 = 12.", "What is the square root of 144?", "What is 17 times 23?", "Calculate 345 * 12.", "What is pi?", "Give me a recipe for pizza.", "Plan a trip for me.", "Write a haiku.", "Summarize this article.", "Write a poem about the ocean.", "What time is it?", "What is today's date?", "What is the news today?", "What will the weather be tomorrow?", "What is the meaning of life?", "Who will win the election?", "How do I fix my car?", "How do I install Linux?", "What is the fastest car?", "How far away is the moon?", "How tall is Mount Everest?", "What is the largest country?", "What is the longest river in the world?", "How do I lose weight?", "Explain the theory of relativity.", "How does a computer work?", "Why is the sky dark at night?", "What is the speed of light?", "Define entropy.", "How do I make money?", "Tell me a joke about lawyers.", "Which phone should I buy?", "How many people live on Earth?", "What does the word serendipity mean?", "Generate a password.", "Play some music.", "Set an alarm for seven.", "Open the window on my screen.", "Write a regular expression.", "What is the best programming language?"];

    public static Exchange Draw(SeededRandom random)
    {
        string place = random.Pick(s_places), person = random.Pick(s_people), subject = random.Pick(s_subjects);
        string asked = random.Next(8) switch
        {
            0 => random.Pick([$"What is the capital of {place}?", $"Where is {place}?", $"How many people live in {place}?", $"Tell me about {place}.", $"What language do they speak in {place}?", $"Who is the president of {place}?", $"How do I get to {place}?", $"What is the population of {place}?"]),
            1 => random.Pick([$"Who was {person}?", $"Who is {person}?", $"When was {person} born?", $"Tell me about {person}.", $"What did {person} do?", $"Where was {person} born?"]),
            2 or 3 or 4 => random.Pick([$"What is {subject}?", $"Explain {subject}.", $"Explain {subject} to me.", $"Can you explain {subject}?", $"Tell me about {subject}.", $"How does {subject} work?", $"How do {subject} work?", $"What do you know about {subject}?", $"Write an essay about {subject}.", $"Who invented {subject}?", $"Give me an example of {subject}.", $"what is {subject}", $"Teach me {subject}.", $"I have a question about {subject}."]),
            _ => random.Pick(s_tasks),
        };
        return new Exchange(asked, Refusal);
    }
}
